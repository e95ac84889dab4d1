/** What a failure to open is taken for, by code and procfs. */
import { expect, test } from 'vitest';
import { explainFailure, hasNetAdmin, ownerOf } from '../../../../src/io/nfqueue/nfqueue-error.ts';

const queuesText = '  100   4711     0 2   128     0     0        0  1\n    7   42  0 2 128 0 0 0 1\n';
const capable = 'Name:\tnode\nCapEff:\t0000000000001000\n';
const incapable = 'Name:\tnode\nCapEff:\t0000000000000fff\n';
const bind = (code: string) => ({ code, syscall: 'nfqueue bind', queue: 100 });

test.each([
  ['owned by another', bind('EPERM'), { queuesText, statusText: capable }, 'EBUSY', /netlink port 4711/],
  ['owned, and we may not', bind('EPERM'), { queuesText, statusText: incapable }, 'EBUSY', /4711/],
  ['table unreadable, capable', bind('EPERM'), { queuesText: null, statusText: capable }, 'EBUSY', /another/],
  ['not capable', bind('EPERM'), { queuesText: '', statusText: incapable }, 'EPERM', /CAP_NET_ADMIN/],
  ['nothing known', bind('EPERM'), { queuesText: null, statusText: null }, 'EPERM', /CAP_NET_ADMIN/],
  [
    'ours already',
    bind('EBUSY'),
    { queuesText, statusText: capable },
    'EBUSY',
    /choose another nfqueue.first/,
  ],
  [
    'no nfnetlink',
    { ...bind('EPROTONOSUPPORT'), queue: -1 },
    { queuesText: null, statusText: capable },
    'EPROTONOSUPPORT',
    /modprobe/,
  ],
  [
    'no nfnetlink_queue',
    bind('EINVAL'),
    { queuesText: null, statusText: capable },
    'EPROTONOSUPPORT',
    /modprobe/,
  ],
  ['other refusal', bind('EINVAL'), { queuesText: '', statusText: capable }, 'EINVAL', /refused queue 100/],
])('%s', (_, failure, circumstances, code, hint) => {
  const error = explainFailure(failure, circumstances);
  expect(error.code).toBe(code);
  expect(error.hint).toMatch(hint);
  expect(error.syscall).toBe(failure.syscall);
  expect(error.message).toBe(`cannot open the queues: ${failure.syscall}: ${code}`);
});

test('reads procfs', () => {
  expect(ownerOf(100, queuesText)).toBe(4711);
  expect(ownerOf(7, queuesText)).toBe(42);
  expect(ownerOf(10, queuesText)).toBe(0);
  expect(hasNetAdmin(capable)).toBe(true);
  expect(hasNetAdmin(incapable)).toBe(false);
  expect(hasNetAdmin('CapEff: junk')).toBe(null);
  expect(hasNetAdmin(null)).toBe(null);
});
