/** Whose a flow is, in words: which attachment decides, or why nobody knows the owner. */
import { OWNER_KNOWN, OWNER_LISTENS, OWNER_NO_PORTS } from '../../core/flows/flow-owners.ts';
import type { OwnerState } from '../../core/inspect.ts';

/** By rank of an attachment that has no name. */
const KINDS = ['a socket', 'a process', 'a process group', 'a control group', 'a user', 'a container'];

/** Empty if nothing can be said: nobody asks for owners, or a forwarded flow belongs to nothing attached. */
export function ownerText(state: OwnerState | null): string {
  if (state === null) return '';
  const { owner, attached, keys } = state;
  const by = attached.map(
    ({ root, text, rank }) => `${text || (KINDS[rank] ?? 'a subject')} is attached in ${root}`,
  );
  if (owner === null) return by.join(', ');
  if (owner.state !== OWNER_KNOWN && owner.state !== OWNER_LISTENS)
    return `not known: ${unknownText(owner.state)}`;
  const listens =
    owner.state === OWNER_LISTENS ? ['the socket that listens; nobody has accepted it yet'] : [];
  const user = owner.inode === 0 ? 'a closed socket' : `uid ${owner.uid}, socket ${owner.inode}`;
  const matched = keys.length === 0 ? [] : [`for matchers ${keys.join(', ')}`];
  return [user, ...listens, ...by, ...matched].join('; ');
}

function unknownText(state: number): string {
  return state === OWNER_NO_PORTS
    ? 'the kernel can be asked only for sockets of TCP, UDP and UDP-Lite, by their ports'
    : "there is no such socket in this network namespace; it is the kernel's own, or of another namespace";
}
