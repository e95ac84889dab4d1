import { expect, it } from 'vitest';
import type { RulesRequest } from '../../../src/io/rules/index.ts';
import { warnOfLess } from '../../../src/live/nfqueues.ts';

const REQUEST: RulesRequest = {
  plan: {
    directions: [],
    gso: [false, true],
    copyBytes: [128, 128],
    ecn: false,
    dscps: [],
    unreadNfqueue: 65535,
    sharesChains: false,
  },
  isTracked: false,
  nfqueue: {
    ...{ first: 100, count: 2, length: 1000, bypass: true },
    ...{ gso: 'auto', backend: 'auto', markMask: 0xff000000 },
  },
};

function warningsOf(rcvbufBytes: number, gso: readonly boolean[]): string[] {
  const warnings: string[] = [];
  const warn = (...args: unknown[]): void => {
    warnings.push(String(args.at(-1)));
  };
  warnOfLess({ rcvbufBytes, gso }, REQUEST, { warn });
  return warnings;
}

it('says nothing when the kernel granted all', () => {
  expect(warningsOf(1280 * 1000, [false, true])).toEqual([]);
});

it('a smaller buffer: how many packets fit', () => {
  expect(warningsOf(1280 * 1000 - 1, [false, true])).toEqual([
    expect.stringMatching(/smaller socket buffer.*set nfqueue\.length to 999$/),
  ]);
});

it('no superpackets where they were asked for; queues that did not ask do not count', () => {
  expect(warningsOf(1280 * 1000, [false, false])).toEqual([expect.stringContaining('GSO')]);
});
