/** Which packets an impairment meets: options that delay, loss, reorder and duplicate have in common. */
import type { Interest, OptionSpec } from '../modules/api/index.ts';

export interface Selection {
  readonly iif: readonly string[];
  readonly oif: readonly string[];
  readonly host: readonly string[];
  readonly proto: readonly string[];
  readonly port: readonly string[];
}

const list = (help: string): OptionSpec => ({ type: 'list', default: [], help });

export const SELECTION: { readonly [Name in keyof Selection]: OptionSpec } = {
  iif: list('only packets that came by these devices'),
  oif: list('only packets that leave by these devices'),
  host: list('only packets from or to these addresses or prefixes'),
  proto: list('only packets of these protocols'),
  port: list('only packets from or to these ports'),
};

/** Every IP packet: an empty matcher would be a mistake in the configuration. */
const ALL: Interest = [{ dst: '0.0.0.0/0' }, { dst: '::/0' }];

export function interestOf({ iif, oif, host, proto, port }: Selection): Interest {
  const given = Object.entries({ iif, oif, host, proto, port }).filter(([, values]) => values.length > 0);
  return given.length === 0 ? ALL : Object.fromEntries(given);
}
