import { expect, test } from 'vitest';
import { ownerText } from '../../../../src/control/why/owner.ts';
import {
  OWNER_KNOWN,
  OWNER_LISTENS,
  OWNER_NO_PORTS,
  OWNER_NOT_FOUND,
} from '../../../../src/core/flows/flow-owners.ts';
import type { OwnerState } from '../../../../src/core/inspect.ts';

const owner = { state: OWNER_KNOWN, uid: 1000, inode: 71, cgroupHigh: 0, cgroupLow: 5 };
const local = (more: Partial<typeof owner>, rest: Partial<OwnerState> = {}): OwnerState => ({
  owner: { ...owner, ...more },
  attached: [],
  keys: [],
  ...rest,
});
const attached = [{ root: 'wan/up', text: 'pid:123', rank: 1 }];

test.each<[string, OwnerState | null, string]>([
  ['nobody asks', null, ''],
  ['forwarded', { owner: null, attached: [], keys: [] }, ''],
  [
    'a container',
    { owner: null, attached: [{ root: 'wan/up', text: '', rank: 5 }], keys: [] },
    'a container is attached in wan/up',
  ],
  ['a socket', local({}), 'uid 1000, socket 71'],
  ['an attached process', local({}, { attached }), 'uid 1000, socket 71; pid:123 is attached in wan/up'],
  ['a matched user', local({}, { keys: ['user:a'] }), 'uid 1000, socket 71; for matchers user:a'],
  [
    'a listening socket',
    local({ state: OWNER_LISTENS }, { attached }),
    'uid 1000, socket 71; the socket that listens; nobody has accepted it yet; pid:123 is attached in wan/up',
  ],
  ['a closed socket', local({ inode: 0 }), 'a closed socket'],
  [
    'no socket',
    local({ state: OWNER_NOT_FOUND }),
    expect.stringContaining('not known: there is no such socket'),
  ],
  [
    'a ping',
    local({ state: OWNER_NO_PORTS }),
    expect.stringContaining('not known: the kernel can be asked only'),
  ],
])('%s', (_, state, text) => {
  expect(ownerText(state)).toEqual(text);
});
