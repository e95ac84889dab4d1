import { expect, it } from 'vitest';
import type { RulesRequest } from '../../../src/io/rules/index.ts';
import { NfqueueBooks, warnOfLess } from '../../../src/live/nfqueues.ts';

const REQUEST: RulesRequest = {
  plan: {
    directions: [],
    gso: [false, true],
    copyBytes: [128, 128],
    ecn: false,
    dscps: [],
    moduleNfqueue: null,
    unreadNfqueue: 65535,
    sharesChains: false,
  },
  isTracked: false,
  nfqueue: {
    ...{ first: 100, count: 2, length: 1000, bypass: true },
    ...{ gso: 'auto', backend: 'auto', markMask: 0xff000000 },
  },
};

function warningsOf(rcvbufBytes: number, gso: readonly boolean[], more: object = {}): string[] {
  const warnings: string[] = [];
  const warn = (...args: unknown[]): void => {
    warnings.push(String(args.at(-1)));
  };
  const request = { ...REQUEST, plan: { ...REQUEST.plan, ...more } };
  warnOfLess({ rcvbufBytes, gso }, request, { warn });
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

it('packets for modules are no superpackets, and fit', () => {
  const modules = { moduleNfqueue: 2, gso: [false, true, false], copyBytes: [128, 128, 65531] };
  expect(warningsOf(1280 * 1000, [false, true, false], modules)).toEqual([]);
});

it('no superpackets where they were asked for; queues that did not ask do not count', () => {
  expect(warningsOf(1280 * 1000, [false, false])).toEqual([expect.stringContaining('GSO')]);
});

it('drops of an NFQUEUE stay counted when it closes', () => {
  const port = { open: [0, 1] };
  const books = new NfqueueBooks(port, 100);
  expect(books.own).toEqual({ open: [100, 101], closedDrops: { queueFull: 0, socketFull: 0 } });
  port.open = [0];
  books.closed({ queueFull: 3, socketFull: 4 });
  books.closed(null);
  books.closed({ queueFull: 1, socketFull: 0 });
  expect(books.own).toEqual({ open: [100], closedDrops: { queueFull: 4, socketFull: 4 } });
});
