import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import qosmod, { LONG, SHORT, UNKNOWN } from '../../../src/built-in/qosmod.ts';
import { FIN } from '../../../src/modules/api/index.ts';
import { FakeHost, type Fields } from './fake-host.ts';

const OPTIONS = { threshold: 3, short: 4, long: 0, mtu: 1500 };
const SEGMENT: Fields = { protocol: 6, tcp: {} };

function host(options: Partial<typeof OPTIONS> = {}) {
  return new FakeHost(qosmod, { ...OPTIONS, ...options });
}

/** Classes of the packets of a flow. */
function classes(to: FakeHost<typeof OPTIONS>, packets: readonly Fields[]): number[] {
  return packets.map((fields, n) => {
    to.packet(n, { ...SEGMENT, ...fields });
    return to.lastClass;
  });
}

const many = (count: number, fields: Fields = {}): Fields[] => Array.from({ length: count }, () => fields);

/** Figure 10 and 9 of the paper, word for word, over packets of one flow. */
function listing(threshold: number, fins: readonly boolean[]): number[] {
  let found = false;
  let packets = 0;
  return fins.map((fin) => {
    const cls = !found ? UNKNOWN : packets <= threshold || fin ? SHORT : LONG;
    if (!found) [found, packets] = [true, 0];
    else if (packets <= threshold) packets++;
    return cls;
  });
}

describe('user-run', () => {
  test.each([0, 1, 3, 20, 10_000])('threshold %i: what the listing of the paper does', (threshold) => {
    const fins = Array.from({ length: threshold + 30 }, (_, n) => n % 7 === 6);
    const packets = fins.map((fin) => (fin ? { tcp: { flags: 0x10 | FIN } } : {}));
    expect(classes(host({ threshold }), packets)).toEqual(listing(threshold, fins));
  });

  test('packets get the DSCP of their class, keep their ECN, and the first one keeps its DSCP', () => {
    const to = host({ long: 8 });
    const seen = many(7).map((_, n) => {
      const p = to.packet(n, { ...SEGMENT, dscp: 46, ecn: 2 });
      return [p?.dscp, p?.ecn];
    });
    const short = [4, 2];
    expect(seen).toEqual([[46, 2], short, short, short, short, [8, 2], [8, 2]]);
    expect(to.calls).toEqual(['classify', 'log', 'process']);
  });

  test('directions are counted by themselves', () => {
    const to = host();
    classes(to, many(10, { direction: 0 }));
    expect(classes(to, many(6, { direction: 1 }))).toEqual([UNKNOWN, SHORT, SHORT, SHORT, SHORT, LONG]);
    expect(classes(to, many(1, { direction: 0 }))).toEqual([LONG]);
  });

  test('a superpacket counts as its segments', () => {
    expect(classes(host(), [{}, { segments: 4 }, {}])).toEqual([UNKNOWN, SHORT, LONG]);
    expect(classes(host(), [{}, { segments: 3 }, {}, {}])).toEqual([UNKNOWN, SHORT, SHORT, LONG]);
  });

  test('after a minute of silence a flow is a new one, and before that it is not', () => {
    const to = host();
    classes(to, many(10));
    to.nowNs += 60e9;
    expect(classes(to, many(1))).toEqual([LONG]);
    to.nowNs += 60e9 + 1;
    expect(classes(to, many(2))).toEqual([UNKNOWN, SHORT]);
  });

  test('a number that another connection has now is a new flow', () => {
    const to = host();
    classes(to, many(10));
    expect(classes(to, many(2, { sport: 7 }))).toEqual([UNKNOWN, SHORT]);
  });

  test('a packet of no flow is not marked', () => {
    expect(classes(host(), many(9, { flow: -1 }))).toEqual(Array(9).fill(UNKNOWN));
  });

  test('a hundred thousand flows are told apart', () => {
    const to = host();
    for (let flow = 0; flow < 100_000; flow++) to.packet(flow, { ...SEGMENT, flow, sport: flow & 0xffff });
    classes(to, many(5, { flow: 70_000, sport: 70_000 & 0xffff }));
    expect(to.lastClass).toBe(LONG);
    classes(to, [{ flow: 99_999, sport: 99_999 & 0xffff }]);
    expect(to.lastClass).toBe(SHORT);
  });
});

describe('kernel-run', () => {
  test('the rules, by family', () => {
    const rules = qosmod.kernel?.(OPTIONS).postrouting ?? [];
    const flow = 'ip saddr . ip daddr . tcp sport . tcp dport timeout 60s';
    expect(rules.slice(0, 3)).toEqual([
      `meter qosmod_seen_ip size 65535 { ${flow} limit rate over 1/week burst 1 packets } ip dscp set 4`,
      `meter qosmod_packets_ip size 65535 { ${flow} limit rate over 1/week burst 5 packets } tcp flags & fin != fin ip dscp set 0`,
      `meter qosmod_bytes_ip size 65535 { ${flow} quota over 11524 bytes } tcp flags & fin != fin ip dscp set 0`,
    ]);
    expect(rules.slice(3)).toEqual(
      rules
        .slice(0, 3)
        .map((rule) => rule.replaceAll(/\bip (?=saddr|daddr|dscp)/g, 'ip6 ').replace('_ip ', '_ip6 ')),
    );
  });

  const hasNft = spawnSync('nft', ['--version']).status === 0 && process.getuid?.() === 0;
  test.runIf(hasNft)('nft takes them at every bound', () => {
    for (const threshold of [0, 20, 10_000]) {
      for (const mtu of [576, 65_535]) {
        const rules = qosmod.kernel?.({ ...OPTIONS, threshold, mtu }).postrouting ?? [];
        const chain = `chain post { type filter hook postrouting priority -161;\n${rules.join('\n')}\n}`;
        const { status, stderr } = spawnSync('nft', ['-c', '-f', '-'], {
          input: `table inet qosmod_test {\n${chain}\n}\n`,
          encoding: 'utf8',
        });
        expect(stderr).toBe('');
        expect(status).toBe(0);
      }
    }
  });
});
