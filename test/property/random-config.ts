/** Random configurations, with every section of the table of fields. */
import fc from 'fast-check';

const any = (values: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(values, { requiredKeys: [] });
const oneOf = fc.constantFrom;
const rate = fc.integer({ min: 2000, max: 6500 }).map((kbit) => `${kbit}kbit`);
const burst = oneOf('3kB', '2000B', '40ms', '1MB');
const limit = oneOf('200kB', '234567B', '250p', '900ms', '100kB');
const ecn = fc.boolean();

const matcher = any({
  user: oneOf('root', 1000, ['a_b-c.d', 0]),
  group: oneOf('dev', [0, 'root']),
  cgroup: oneOf('/', ['/system.slice', '/sys/fs/cgroup/user.slice/x']),
  exe: oneOf('/usr/bin/rsync', ['/opt/a b']),
  src: oneOf('10.0.0.0/8', ['192.0.2.1', '10.1.0.0/16']),
  proto: oneOf('tcp', 'udp', ['tcp', 'sctp'], 6),
  dport: oneOf(80, '5060-5090', [1, 2, '3-9']),
  dscp: oneOf('ef', ['af11', 46, 0]),
  mark: oneOf('0x10', '0x10/0xff'),
  iif: oneOf('eth1', ['a', 'b']),
  host: oneOf('nas', ['flat-12', '10.2.0.0/16'], ['10.2.0.1', 'nas', 'flat-12']),
  mac: oneOf('00:50:8d:68:50:75', ['0050.8d68.5076', '02-00-00-00-00-01']),
}).filter((entry) => Object.keys(entry).length > 0);
const portless = any({
  proto: oneOf('icmp', [1, 58], ['gre', 'icmp', 99, 58]),
  dst: fc.constant('2001:db8::/32'),
}).filter((entry) => Object.keys(entry).length > 0);

const profile = (more: Record<string, fc.Arbitrary<unknown>>) =>
  any({ max: oneOf('90kB', '100kB'), probability: oneOf(0.05, '7%'), ...more }).map((entry) => ({
    min: '10kB',
    ...entry,
  }));
const wred = any({
  profiles: oneOf([0], [1], [0, 1], [1, 0], [0, 2], [2], [0, 1, 2]).chain((kinds) =>
    fc.tuple(
      ...kinds.map((kind) =>
        profile(
          [{ dscp: oneOf('af11', ['ef', 0, 1]) }, { dscp: oneOf(['cs1', 'cs7'], 9) }, {}][kind] as Record<
            string,
            fc.Arbitrary<unknown>
          >,
        ).map((entry) => (kind === 2 || 'dscp' in entry ? entry : { ...entry, dscp: kind === 0 ? 10 : 12 })),
      ),
    ),
  ),
  max: oneOf('80kB', '60p'),
  probability: oneOf(0.2, '10%'),
  weight: oneOf(0.01, 0.001953125),
  gentle: fc.boolean(),
  ecn,
  meanPacket: oneOf('500B', '1kB'),
});
const red = any({
  min: oneOf('10kB', '5p', '8ms'),
  max: oneOf('30kB', '40p', '25ms'),
  probability: oneOf(0.1, '2.5%', 1),
  weight: oneOf(0.002, 0.5),
  gentle: fc.boolean(),
  adaptive: fc.boolean(),
  ecn,
  byteMode: fc.boolean(),
  meanPacket: oneOf('1000B', '700B'),
});
const aqm = fc.oneof(
  oneOf<unknown>('none', 'codel', 'pie', 'red', 'wred'),
  any({ target: oneOf('5ms', '20ms', '7.5ms'), interval: oneOf('100ms', '200ms'), ecn }).map((codel) => ({
    codel,
  })),
  any({ target: oneOf('15ms', '9ms'), update: fc.constant('30ms'), alpha: fc.constant(0.2), ecn }).map(
    (pie) => ({ pie }),
  ),
  red.map((parameters) => ({ red: parameters })),
  wred.map((parameters) => ({ wred: parameters })),
);
const queue = fc.oneof(
  any({ isolation: oneOf('flow', 'triple', 'dual-src'), limit, aqm, ackFilter: fc.boolean() }),
  any({ limit, aqm }).map((entry) => ({ ...entry, discipline: 'fifo' })),
  any({ short: oneOf('20kB', '12345B', '30p', '9ms'), limit, aqm }).map((entry) => ({
    ...entry,
    discipline: 'short-first',
  })),
);
const meter = fc.oneof(
  any({ cbs: burst, ebs: burst, aware: fc.boolean() }).map((entry) => ({
    type: 'srtcm',
    cir: '1mbit',
    ...entry,
  })),
  any({ cbs: burst, pbs: oneOf('1MB', '2MB') }).map((entry) => ({
    type: 'trtcm',
    cir: '1mbit',
    pir: '3mbit',
    ...entry,
  })),
  any({ ebs: burst }).map((entry) => ({ type: 'rfc4115', cir: '1mbit', eir: '2mbit', ...entry })),
);
const pace = any({
  active: oneOf('1kB/s', '16kbit'),
  age: oneOf('500ms', '2s'),
  delay: oneOf('30ms', '100ms'),
});
const shared = {
  burst,
  police: any({ burst, exceed: oneOf('drop', 'mark') }).chain((entry) =>
    rate.map((r) => ({ rate: r, ...entry })),
  ),
  meter,
  remark: oneOf('ef', 0, 'af11'),
  tcp: any({ pace: fc.oneof(fc.boolean(), pace) }),
  each: any({ burst, exceed: oneOf('delay', 'drop') }).chain((entry) =>
    fc.tuple(rate, oneOf('flow', 'host', 'src', 'dst')).map(([r, by]) => ({ by, rate: r, ...entry })),
  ),
};
const limits = {
  rate: oneOf('100kbit', '3%', '50.5kbit'),
  ceil: fc.oneof(rate, oneOf('80%', '77.7%', '100%')),
  priority: fc.nat(7),
  weight: oneOf(0.1, 1, 2.75, 1000),
  match: fc.oneof(matcher, portless, fc.array(matcher, { minLength: 1, maxLength: 3 })),
  ...shared,
};
const leaf = any({ ...limits, queue });
const last = any({ ...shared, queue, priority: fc.nat(7), ceil: rate, adjust: fc.boolean() });
const inner = fc
  .tuple(any(limits), any({ x: leaf, y: leaf, default: last }))
  .map(([own, classes]) => ({ ...own, rate: '1900kbit', classes }));
const direction = fc
  .tuple(
    fc.constantFrom('20mbit', '34567.8kbit', '1gbit'),
    any(shared),
    any({ a: leaf, b: inner, c: leaf, default: last }),
  )
  .map(([r, own, classes]) => ({ rate: r, ...own, classes }));
/** Nothing in it is a share, or a time at its rate. */
const unlimited = fc
  .tuple(
    any({
      police: shared.police,
      each: any({ exceed: oneOf('delay', 'drop') }).map((entry) => ({ by: 'host', rate: '3mbit', ...entry })),
      remark: shared.remark,
    }),
    any({
      a: any({
        rate: oneOf('100kbit', '50.5kbit'),
        burst: oneOf('3kB', '2000B'),
        match: matcher,
        remark: oneOf('ef', 0),
      }),
      b: fc.tuple(rate, queue).map(([ceil, own]) => ({ ceil, queue: own })),
      c: any({
        queue: any({ limit: oneOf('200kB', '250p'), aqm: oneOf('pie', 'red', 'wred', 'none') }),
        priority: fc.nat(7),
      }),
    }),
  )
  .map(([own, classes]) => ({ rate: 'unlimited', ...own, classes }));
const overhead = oneOf<unknown>(0, 44, 'docsis', 'pppoe-vcmux', { bytes: 10, framing: 'ptm' }, { mpu: 64 });
const window = fc
  .tuple(
    oneOf('4h', '90s', '7d', '365d'),
    any({
      up: oneOf('5GB', '1500B', '2TiB'),
      down: oneOf('10GB', '1KiB'),
      total: oneOf('500.5GB', '1000TB'),
    }),
  )
  .filter(([, sums]) => Object.keys(sums).length > 0)
  .map(([over, sums]) => ({ over, ...sums }));
const throttle = fc.oneof(
  rate,
  any({ up: rate, down: rate }).filter((entry) => Object.keys(entry).length > 0),
);
const page = fc.oneof(
  fc.boolean(),
  any({
    allow: oneOf('10.0.0.1', ['fd00::/64', 'portal.example.org']),
    text: oneOf('/etc/page.html'),
    style: oneOf('page.css'),
  }).map((entry) => ({ cert: '/c', key: '/k', ...entry })),
);
const outside = any({
  exec: oneOf('/bin/tell', ['/usr/local/bin/tell', '{host}', 'a b']),
  webhook: oneOf('https://hooks.example.org/x?y=1', 'http://[fd00::1]:8080/'),
  mail: any({
    from: oneOf('me@x.example'),
    server: oneOf('smtps://mail.example.org', 'smtp://[fd00::1]:25'),
  }).map((entry) => ({ to: 'a@b', ...entry })),
}).filter((entry) => Object.keys(entry).length > 0);
const action = any({ throttle, block: fc.boolean(), page });
const quota = fc
  .tuple(
    fc.uniqueArray(window, { minLength: 1, maxLength: 3, selector: ({ over }) => over }),
    any({
      hosts: oneOf<unknown>(
        'nas',
        ['nas', 'flat-12'],
        { src: '10.0.0.0/16' },
        { host: ['nas', '10.0.0.9'] },
        [{ src: ['fd00::/64', '10.0.0.1'] }, 'nas', { mac: '00:50:8d:68:50:75', src: '10.0.0.0/8' }],
      ),
      warn: oneOf('80%', '0%'),
      release: oneOf('90%', '100%', '33.3%'),
    }),
    fc.oneof<fc.Arbitrary<unknown>[]>(
      oneOf('block', 'page', ['page', 'block']),
      action.filter((entry) => Object.keys(entry).length > 0),
      fc
        .tuple(outside, action, outside)
        .map(([a, b, c]) => [a, b, c].filter((entry) => Object.keys(entry).length > 0)),
    ),
    oneOf({}, { slope: '75%' }),
  )
  .map(([windows, own, actions, slope]) => {
    const hasThrottle = JSON.stringify(actions).includes('throttle');
    const values = { windows, ...own, ...(hasThrottle ? slope : {}) };
    return Object.fromEntries([...Object.entries(values), ['then', actions]]);
  });
/** A configuration as JSON, which is YAML as well. Most are valid. */
export const randomConfig = fc.record({
  links: any({
    up: fc.oneof(direction, unlimited),
    down: fc.oneof(direction, rate, oneOf('unlimited')),
    overhead,
    wait: fc.boolean(),
  }).map((link) => ({
    w: { device: 'e', down: '7mbit', ...link },
  })),
  local: any({
    exempt: any({ ports: oneOf([], [22], [22, '8000-8010']), share: oneOf('0%', '5%', '12.5%', '100%') }),
  }),
  hosts: any({
    lan: oneOf('eth1', ['eth1', 'br-lan'], ['e']),
    identify: oneOf('mac', 'address', 'port'),
    leases: oneOf('/var/lib/misc/dnsmasq.leases', ['/a', '/b c']),
    reverseDns: fc.boolean(),
  }).map((entry) => ({ names: { NAS: 'fd00::5', 'flat-12': '0:50:8d:68:50:75' }, ...entry })),
  history: any({
    file: oneOf('/srv/shaper.db', 'none'),
    flush: oneOf('1s', '90s', '10m'),
    keep: oneOf('1m for 1d', ['10s for 1h', '5m for 2d', '1h for 1y']),
  }),
  quotas: any({ 'fair-use': quota, b: quota }),
  nfqueue: any({ first: fc.nat(60_000), gso: oneOf('auto', true, false), mark: fc.constant('0x00ff0000') }),
});
