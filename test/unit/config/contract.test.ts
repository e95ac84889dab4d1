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

const HOSTS = `hosts:
  lan: [eth1]                    # devices behind which the inside is; default: every device that is not a link's
  identify: mac                  # mac (default) | address | port (bridge port or VLAN device)
  names: { flat-12: "00:50:8d:68:50:75", nas: 10.0.0.5 }
  leases: /var/lib/misc/dnsmasq.leases       # dnsmasq, ISC dhcpd or Kea; names and MACs
history: { file: /var/lib/shaper/shaper.db, keep: [5m for 2d, 1h for 60d, 1d for 5y] }
quotas:
  fair-use:
    hosts: { src: 10.0.0.0/16 }  # matcher or names; default: every inside host
    windows:
      - { over: 4h, up: 5GB, down: 10GB }
      - { over: 7d, up: 30GB, down: 60GB }
      - { over: 30d, total: 500GB }
    warn: 80%
    slope: 75%                   # optional: from here the rate falls steadily, to that of throttle at 100 %
    then:
      - throttle: { up: 1mbit, down: 2mbit }
      - block
      - page: { allow: [10.0.0.1, portal.example.org], cert: FILE, key: FILE }   # cert and key optional: for the RFC 8908 API
      - { exec: [/usr/local/bin/tell, "{host}", "{quota}"], webhook: "https://…", mail: { to: a@b, server: smtp://localhost } }
`;

it('hosts, history and quotas of the contract load, beside links', () => {
  const loaded = loadConfig(SAMPLE + HOSTS, 'contract.yaml');
  // An address that stands for one.
  expect(loaded.warnings.map(({ message }) => message)).toEqual([expect.stringMatching(/^webhook: nobody/)]);
  const { hosts, quotas } = loaded.spec;
  expect(hosts).toMatchObject({ lan: ['eth1'], identify: 'mac', leases: ['/var/lib/misc/dnsmasq.leases'] });
  expect(hosts.names.map(({ name }) => name)).toEqual(['flat-12', 'nas']);
  expect(loaded.history).toMatchObject({ file: '/var/lib/shaper/shaper.db', flushNs: 10e9 });
  expect(loaded.history.keep.map(({ stepNs }) => stepNs / 1e9)).toEqual([300, 3600, 86_400]);
  expect(quotas).toMatchObject([
    {
      name: 'fair-use',
      hosts: { names: null, match: [{ src: [{ family: 4, bits: 16 }] }] },
      windows: [
        { overNs: 14_400e9, upBytes: 5e9, downBytes: 10e9 },
        { overNs: 604_800e9, upBytes: 30e9, downBytes: 60e9 },
        { overNs: 2_592_000e9, totalBytes: 500e9 },
      ],
      warnShare: 0.8,
      slopeShare: 0.75,
      releaseShare: 1,
      throttle: { upBytesPerSec: 125_000, downBytesPerSec: 250_000 },
      isBlocking: true,
      page: { allow: [{ bits: 32 }, 'portal.example.org'], certFile: 'FILE', keyFile: 'FILE' },
      outside: [
        {
          exec: ['/usr/local/bin/tell', '{host}', '{quota}'],
          webhook: 'https://…',
          mail: { to: 'a@b', from: 'shaper@localhost', server: 'smtp://localhost' },
        },
      ],
    },
  ]);
});
