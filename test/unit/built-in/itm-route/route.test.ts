import { describe, expect, test } from 'vitest';
import { unwrap, wrap } from '../../../../src/algo/overlay/ipip.ts';
import { PROBE_BYTES, PROBE_PORT, writeProbe } from '../../../../src/built-in/itm-route/probe.ts';
import { addressWord, readRouteOptions } from '../../../../src/built-in/itm-route/settings.ts';
import itmRoute from '../../../../src/built-in/itm-route.ts';
import { ACCEPT, DROP, type ModuleInstance } from '../../../../src/modules/api/module.ts';
import { Machine, pass } from '../machine.ts';
import { fragmentationNeeded, ipPacket, isHeaderSound, isTcpSound, syn } from './packets.ts';
import { A, D, N, OPTIONS, SmallNetwork } from './small-network.ts';

const MS = 1e6;
const SECOND = 1e9;
const TO_D = { src: A, dst: '10.9.1.1' };

/** A network whose best path is n2, after the first probes. */
function network(): SmallNetwork {
  const net = new SmallNetwork();
  for (const [n, ms] of [40, 20, 30].entries()) net.setNeighbour(n, ms);
  net.runUntil(SECOND);
  return net;
}

function pathNow(net: SmallNetwork): string[] {
  net.send(ipPacket(TO_D));
  net.runUntil(net.nowNs + 200 * MS);
  return net.arrived.pop()?.by ?? [];
}

describe('in a small network', () => {
  test('packets go through the closest neighbour, and come as they were, but for one hop', () => {
    const net = network();
    const packet = ipPacket(TO_D);
    net.send(packet);
    net.runUntil(net.nowNs + 30 * MS);
    expect(net.arrived).toEqual([{ bytes: packet, by: [A, N[1], D], atNs: SECOND + 20 * MS }]);
  });

  test('they go directly if that is faster', () => {
    const net = network();
    net.setDelay(A, D, 10);
    net.runUntil(2 * SECOND);
    expect(pathNow(net)).toEqual([A, D]);
  });

  test('another path is taken within a probe period after delays have changed', () => {
    const net = network();
    net.setNeighbour(1, 100);
    const changedNs = net.nowNs;
    net.runUntil(changedNs + SECOND);
    expect(pathNow(net)).toEqual([A, N[2], D]);
    net.setNeighbour(0, 4);
    net.runUntil(net.nowNs + SECOND);
    expect(pathNow(net)).toEqual([A, N[0], D]);
  });

  test('the death of the neighbour costs packets of one probe period', () => {
    const net = network();
    net.setNeighbour(1, null);
    net.runUntil(net.nowNs + 1.2 * SECOND);
    expect(pathNow(net)).toEqual([A, N[2], D]);
    net.setNeighbour(1, 10);
    net.runUntil(net.nowNs + 4 * SECOND);
    expect(pathNow(net)).toEqual([A, N[1], D]);
  });

  test('without any answer packets go as they are routed, and it is told', () => {
    const net = network();
    for (const n of [0, 1, 2]) net.setNeighbour(n, null);
    net.setDelay(A, D, null);
    net.runUntil(net.nowNs + 3 * SECOND);
    net.setDelay(A, D, 50);
    expect(pathNow(net)).toEqual([A, D]);
    const said = net.hosts.get(A)!.said.map(({ level, message }) => `${level}: ${message}`);
    expect(said).toContain('warn: no path answers probes: packets go as they are routed');
  });

  test('a difference below the hysteresis moves nothing', () => {
    const net = network();
    net.setNeighbour(2, 19);
    net.runUntil(net.nowNs + 3 * SECOND);
    expect(pathNow(net)).toEqual([A, N[1], D]);
  });
});

/** A module at A whose only known path is n1: its probe there was answered. */
function alone(options: Partial<typeof OPTIONS> = {}): { host: Machine; module: ModuleInstance } {
  const host = new Machine();
  const module = itmRoute.create!(host.itm, { ...OPTIONS, neighbours: [N[0]!], ...options });
  host.runUntil(100 * MS);
  const asked = host.injected.find((bytes) => bytes[9] === 4)!;
  const question = asked.subarray(20);
  const answer = question.slice();
  answer.set(question.subarray(16, 20), 12);
  answer.set(question.subarray(12, 16), 16);
  answer[32] = 2;
  expect(pass(module, 'prerouting', answer).verdict).toBe(DROP);
  host.injected.length = 0;
  host.said.length = 0;
  return { host, module };
}

describe('a packet that is wrapped', () => {
  test('has an outer header of its own, with TOS and DF of the inner one', () => {
    const { module } = alone();
    const packet = ipPacket({ ...TO_D, length: 1480 });
    const { verdict, bytes } = pass(module, 'output', packet);
    expect([verdict, bytes.length, bytes[9], isHeaderSound(bytes)]).toEqual([ACCEPT, 1500, 4, true]);
    expect([...bytes.subarray(12, 20)]).toEqual([10, 0, 0, 1, 10, 0, 0, 11]);
    expect(bytes.subarray(20)).toEqual(packet);
  });

  test('is one hop nearer to its end if it was forwarded; the kernel answers the one whose hops are over', () => {
    const { module } = alone();
    const forwarded = { src: '10.1.0.5', dst: '10.9.1.1' };
    const { bytes } = pass(module, 'prerouting', ipPacket({ ...forwarded, ttl: 9 }));
    expect([bytes[28], isHeaderSound(bytes, 20)]).toEqual([8, true]);
    const last = ipPacket({ ...forwarded, ttl: 1 });
    expect(pass(module, 'prerouting', last)).toEqual({ verdict: ACCEPT, bytes: last });
  });

  test('is none if it leads to a neighbour, to this machine, elsewhere, or is not IPv4', () => {
    const { module } = alone({ destinations: [`10.0.0.0/16@${D}`] });
    for (const dst of [N[0]!, A, '10.200.0.1'])
      expect(pass(module, 'output', ipPacket({ src: A, dst, protocol: 4 })).bytes[23]).not.toBe(17);
    const packet = ipPacket({ src: A, dst: N[0]!, protocol: 4 });
    expect(pass(module, 'output', packet).bytes).toEqual(packet);
    expect(pass(module, 'output', new Uint8Array(60).fill(0x60)).verdict).toBe(ACCEPT);
  });

  test('too long and not to be cut: its sender is told what would pass', () => {
    const { host, module } = alone();
    expect(pass(module, 'output', ipPacket({ ...TO_D, length: 1481 })).verdict).toBe(DROP);
    const [icmp] = host.injected;
    expect(icmp!.length).toBe(576);
    expect([...icmp!.subarray(9, 10), ...icmp!.subarray(16, 22)]).toEqual([1, 10, 0, 0, 1, 3, 4]);
    expect((icmp![26]! << 8) | icmp![27]!).toBe(1480);
  });

  test('too long and to be cut: it becomes two tunnel packets, and no fragment of one', () => {
    const { host, module } = alone();
    const { bytes } = pass(module, 'output', ipPacket({ ...TO_D, length: 1500, df: false }));
    const pieces = [bytes, ...host.injected];
    expect(pieces.map(({ length }) => length)).toEqual([1496, 64]);
    expect(pieces.map((piece) => [piece[6], piece[9], piece[26]! & 0x20])).toEqual([
      [0, 4, 0x20],
      [0, 4, 0],
    ]);
    expect(pieces.every((piece) => isHeaderSound(piece) && isHeaderSound(piece, 20))).toBe(true);
    expect(((pieces[1]![26]! & 0x1f) << 8) | pieces[1]![27]!).toBe((1496 - 40) / 8);
  });

  test('a SYN asks for segments that leave room, on whatever path it goes', () => {
    const { module } = alone();
    const { bytes } = pass(module, 'output', syn(TO_D.src, TO_D.dst, [1, 2, 4, 5, 180, 0, 0, 0]));
    const inner = bytes.subarray(20);
    expect([(inner[43]! << 8) | inner[44]!, isTcpSound(inner)]).toEqual([1440, true]);
  });

  test('what a router says of a tunnel packet is remembered for ten minutes', () => {
    const { host, module } = alone();
    const { bytes: outer } = pass(module, 'output', ipPacket({ ...TO_D, length: 1400 }));
    pass(module, 'prerouting', fragmentationNeeded(outer, 1300, '10.5.0.1', A));
    expect(pass(module, 'output', ipPacket({ ...TO_D, length: 1281 })).verdict).toBe(DROP);
    const icmp = host.injected.pop()!;
    expect((icmp[26]! << 8) | icmp[27]!).toBe(1280);
    expect(pass(module, 'output', ipPacket({ ...TO_D, length: 1280 })).verdict).toBe(ACCEPT);
    const strange = fragmentationNeeded(ipPacket({ src: A, dst: N[0]!, protocol: 17 }), 600, '10.5.0.1', A);
    pass(module, 'prerouting', strange);
    expect(pass(module, 'output', ipPacket({ ...TO_D, length: 1280 })).verdict).toBe(ACCEPT);
  });
});

describe('a tunnel packet', () => {
  const relay = (): { host: Machine; module: ModuleInstance } => {
    const host = new Machine();
    const options = { ...OPTIONS, self: N[0]!, neighbours: [A, D], destinations: [] };
    return { host, module: itmRoute.create!(host.itm, options) };
  };
  const wrapped = (from: string, inner = ipPacket(TO_D)): Uint8Array => {
    const out = new Uint8Array(2000);
    const ends = { src: addressWord(from), dst: addressWord(N[0]!) };
    return out.subarray(0, wrap(inner, out, ends, 1, 64));
  };

  test('is taken out at the neighbour', () => {
    const { module } = relay();
    const inner = ipPacket(TO_D);
    expect(pass(module, 'prerouting', wrapped(A))).toEqual({ verdict: ACCEPT, bytes: inner });
  });

  test('from a stranger, in pieces, or with nothing in it: never taken out, and told', () => {
    const { host, module } = relay();
    const strange = wrapped('10.66.0.1');
    expect(pass(module, 'prerouting', strange)).toEqual({ verdict: ACCEPT, bytes: strange });
    const piece = wrapped(A);
    piece[6] = 0x20;
    expect(pass(module, 'prerouting', piece).verdict).toBe(ACCEPT);
    const broken = wrapped(A);
    broken[20] = 0x65;
    expect(pass(module, 'prerouting', broken).verdict).toBe(DROP);
    expect(host.said.map(({ level }) => level)).toEqual(['warn', 'warn', 'warn']);
  });

  test('marked on its way, with ends that hear no marks: dropped', () => {
    const { module } = relay();
    const marked = wrapped(A);
    marked[1] = 3;
    expect(unwrap(marked.slice())).toBeLessThan(0);
    expect(pass(module, 'prerouting', marked).verdict).toBe(DROP);
  });

  test('probes of strangers are not answered, and answers that nobody asked for change nothing', () => {
    const { host, module } = alone();
    const probe = { kind: 1, path: 0, sequence: 1, nonceHigh: 2, nonceLow: 3, via: 0 };
    const written = (src: string, kind: number): Uint8Array => {
      const out = new Uint8Array(PROBE_BYTES);
      writeProbe({ ...probe, kind, src: addressWord(src), dst: addressWord(A) }, out);
      return out;
    };
    expect(pass(module, 'prerouting', written('10.66.0.1', 1)).verdict).toBe(DROP);
    expect(pass(module, 'prerouting', written(D, 2)).verdict).toBe(DROP);
    expect(host.injected).toEqual([]);
    expect(host.said.map(({ message }) => message)).toEqual([
      'a probe from an address that is none of the neighbours or ends',
      'an answer to no probe of ours',
    ]);
    pass(module, 'prerouting', written(N[0]!, 1));
    expect(host.injected.map((bytes) => [bytes[9], bytes[32]])).toEqual([[17, 2]]);
  });
});

test('what the kernel refuses to send is told, and no more', () => {
  const { host, module } = alone();
  host.onInject = () => {
    throw new Error('EINVAL');
  };
  expect(pass(module, 'output', ipPacket({ ...TO_D, length: 1481 })).verdict).toBe(DROP);
  host.runUntil(SECOND / 2);
  expect(host.said.map(({ message }) => message)).toEqual(['a packet cannot be sent']);
});

describe('options', () => {
  const read = (more: Partial<typeof OPTIONS>): unknown => readRouteOptions({ ...OPTIONS, ...more });

  test('that cannot work are refused, with what to write', () => {
    expect(() => read({ self: 'fd00::1' })).toThrow("self: 'fd00::1' is no IPv4 address");
    expect(() => read({ neighbours: [N[0]!, A] })).toThrow('neighbours: an address stands there twice');
    expect(() => read({ destinations: ['10.9.0.0/16'] })).toThrow('has no other end that answers probes');
    expect(() => read({ destinations: ['10.9.0.1/16@10.0.0.9'] })).toThrow('the network is 10.9.0.0');
    expect(() => read({ destinations: ['10.9.0.0/33@10.0.0.9'] })).toThrow('write a network');
    expect(() => read({ destinations: [A] })).toThrow('the other end is `self`');
    expect(() => read({ lifetime: 1 })).toThrow('lifetime: is shorter than `probe`');
    const many = Array.from({ length: 129 }, (_, n) => `10.2.0.${n}`);
    expect(() => read({ neighbours: [N[0]!], destinations: many })).toThrow('258 paths to probe');
  });

  test('say which packets are of interest', () => {
    const interest = itmRoute.interest as (options: typeof OPTIONS) => unknown;
    expect(interest(OPTIONS)).toEqual([
      { dst: A, proto: 'ipip' },
      { dst: A, proto: 'udp', dport: PROBE_PORT },
      { dst: A, proto: 'icmp' },
      { dst: ['10.9.0.0/16'] },
    ]);
    expect(interest({ ...OPTIONS, destinations: [] })).toHaveLength(2);
    const networks = ['0.0.0.0/0', '10.0.0.0/8', '10.1.2.3/32'].map((text) => `${text}@${D}`);
    expect((interest({ ...OPTIONS, destinations: networks }) as { dst: unknown }[]).at(-1)).toEqual({
      dst: ['0.0.0.0/0', '10.0.0.0/8', '10.1.2.3/32'],
    });
  });
});
