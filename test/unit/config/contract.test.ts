/** The configuration that users were promised, letter by letter. */
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/config.ts';
import type { ClassSpec } from '../../../src/spec/spec.ts';

const SAMPLE = `links:
  wan:
    device: eth0
    overhead: 0                # bytes added to each packet when charging; or a preset name
    up:                        # packets leaving by the device
      rate: 20mbit
      classes:
        voice:   { rate: 1mbit, priority: 0, match: [{ proto: udp, dport: 5060-5090 }, { dscp: ef }] }
        work:    { rate: 10mbit, weight: 2, match: { src: [10.0.0.0/24, "fd00:1::/64"] } }
        guests:
          rate: 2mbit
          ceil: 10mbit
          match: { src: 10.0.9.0/24 }
          each: { by: host, rate: 2mbit }          # flow | host | src | dst
          classes:                                  # inner class
            web: { match: { proto: tcp, dport: [80, 443] } }
        bulk:
          ceil: 80%
          match: { dport: [20, 21, 873] }
          queue: { limit: 500kB, aqm: { red: { min: 30kB, max: 90kB, probability: 0.1, weight: 0.002, gentle: true, ecn: true } } }
        ping:    { match: { proto: icmp }, police: { rate: 64kbit, burst: 8kB, exceed: drop } }
    down: 100mbit              # short form: a fair tree with one class
`;

const { spec, warnings } = loadConfig(SAMPLE, 'contract.yaml');
const { up, down, linkLayer } = spec.links[0]!;

function classOf(...names: string[]): ClassSpec {
  let at = up!;
  for (const name of names) at = at.children.find((child) => child.name === name)!;
  return at;
}

describe('the configuration of the contract', () => {
  it('loads without a warning', () => {
    expect(warnings).toEqual([]);
    expect(spec.links).toHaveLength(1);
    expect(linkLayer).toEqual({ overheadBytes: 0, mpuBytes: 0, framing: 0 });
  });

  it('up is a tree of its classes in file order, and default', () => {
    expect(up).toMatchObject({ path: 'wan/up', rateBytesPerSec: 2_500_000, ceilBytesPerSec: 2_500_000 });
    const names = up!.children.map((child) => child.name);
    expect(names).toEqual(['voice', 'work', 'guests', 'bulk', 'ping', 'default']);
  });

  it('guarantees, ceilings, priorities and weights', () => {
    const of = (name: string) => {
      const { rateBytesPerSec, ceilBytesPerSec, priority, weight } = classOf(name);
      return [rateBytesPerSec, ceilBytesPerSec, priority, weight];
    };
    expect(of('voice')).toEqual([125_000, 2_500_000, 0, 1]);
    expect(of('work')).toEqual([1_250_000, 2_500_000, 3, 2]);
    expect(of('guests')).toEqual([250_000, 1_250_000, 3, 1]);
    expect(of('bulk')).toEqual([0, 2_000_000, 3, 1]);
    expect(of('ping')).toEqual([0, 2_500_000, 3, 1]);
    expect(of('default')).toEqual([0, 2_500_000, 3, 1]);
  });

  it('matchers', () => {
    expect(classOf('voice').match).toEqual([
      { proto: [17], dport: [{ from: 5060, to: 5090 }] },
      { dscp: [46] },
    ]);
    expect(classOf('work').match![0]!.src).toMatchObject([
      { family: 4, bits: 24 },
      { family: 6, bits: 64 },
    ]);
    expect(classOf('ping').match).toEqual([{ proto: [1, 58] }]);
  });

  it('guests: an inner class, a bucket for each host, web and a default of its own', () => {
    const guests = classOf('guests');
    expect(guests.queue).toBeNull();
    expect(guests.each).toMatchObject({ by: 'host', rateBytesPerSec: 250_000, burstBytes: 3028 });
    expect(guests.each).toMatchObject({ exceed: 'delay', waiting: { discipline: 'fair', ecn: true } });
    expect(guests.children.map((child) => [child.path, child.ceilBytesPerSec])).toEqual([
      ['wan/up/guests/web', 1_250_000],
      ['wan/up/guests/default', 1_250_000],
    ]);
    expect(classOf('guests', 'web').match).toMatchObject([{ proto: [6] }]);
  });

  it('bulk: RED with marks in a fair queue', () => {
    expect(classOf('bulk').queue).toMatchObject({
      discipline: 'fair',
      isolation: 'dual-src',
      limitBytes: 500_000,
      aqm: {
        kind: 'red',
        red: {
          minBytes: 30_000,
          maxBytes: 90_000,
          probability: 0.1,
          weight: 0.002,
          gentle: true,
          adaptive: false,
        },
      },
      ecn: true,
    });
  });

  it('ping: policed', () => {
    expect(classOf('ping').police).toEqual({ rateBytesPerSec: 8000, burstBytes: 8000, exceed: 'drop' });
  });

  it('down: a fair tree with one class', () => {
    expect(down).toMatchObject({ path: 'wan/down', rateBytesPerSec: 12_500_000, queue: null });
    expect(down!.children).toHaveLength(1);
    expect(down!.children[0]).toMatchObject({
      path: 'wan/down/default',
      ceilBytesPerSec: 12_500_000,
      queue: {
        discipline: 'fair',
        isolation: 'dual-dst',
        limitBytes: 1_250_000,
        aqm: { kind: 'codel', codel: { targetNs: 5e6, intervalNs: 100e6 } },
        ecn: true,
      },
    });
  });
});
