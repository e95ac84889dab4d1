/** An example for every key. */
import type { UsableField } from './kinds.ts';

/** Values by the last word of the key. */
const BY_NAME: Readonly<Record<string, string>> = {
  links: '{ wan: { device: eth0, up: 20mbit, down: 100mbit } }',
  device: 'eth0',
  up: '20mbit',
  down: '100mbit',
  both: '{ rate: { up: 20mbit, down: 100mbit }, classes: { calls: { match: { dscp: ef } } } }',
  overhead: 'pppoe-ptm',
  classes: '{ calls: { match: { dscp: ef } }, default: { priority: 5 } }',
  match: '{ proto: udp, dport: 5060-5090 }',
  schedule: '[{ when: mon-fri 18:00-23:00, set: { ceil: 5mbit } }]',
  access: '{ dir: alice:staff 755, bandwidth: alice:staff 644 }',
  when: 'mon-fri 18:00-23:00',
  set: '{ ceil: 5mbit }',
  police: '{ rate: 64kbit }',
  meter: '{ type: srtcm, cir: 1mbit }',
  remark: 'af11',
  tcp: '{ pace: true }',
  pace: 'true',
  each: '{ by: host, rate: 2mbit }',
  queue: '{ limit: 50ms }',
  aqm: 'pie',
  codel: '{ target: 10ms }',
  pie: '{ target: 20ms }',
  red: '{ max: 90kB }',
  wred: '{ profiles: { dscp: af11, min: 30kB, max: 90kB } }',
  profiles: '[{ dscp: af11, min: 30kB, max: 90kB }, { min: 20kB }]',
  proto: 'udp',
  src: '10.0.9.0/24',
  dst: '10.0.9.0/24',
  host: '10.0.0.5',
  inside: '10.0.9.0/24',
  outside: '192.0.2.0/24',
  sport: '443',
  dport: '[80, 443]',
  port: '5060-5090',
  insidePort: '22',
  outsidePort: '443',
  dscp: 'ef',
  color: 'yellow',
  green: 'af11',
  yellow: 'af12',
  mark: '0x10/0xff',
  iif: 'eth1',
  oif: 'eth0',
  user: 'backup',
  cgroup: '/system.slice/nginx.service',
  exe: '/usr/bin/rsync',
  hosts: '{ names: { nas: 10.0.0.5 } }',
  lan: 'eth1',
  identify: 'address',
  names: '{ nas: 10.0.0.5, flat-12: "00:50:8d:68:50:75" }',
  leases: '/var/lib/misc/dnsmasq.leases',
  mac: '00:50:8d:68:50:75',
  files: '/run/shaper/net',
  history: '{ keep: [1m for 1d, 1h for 60d] }',
  file: '/srv/shaper.db',
  keep: '[1m for 1d, 1h for 60d]',
  quotas: '{ fair-use: { windows: { over: 4h, up: 5GB, down: 10GB }, then: { throttle: 1mbit } } }',
  windows: '[{ over: 4h, up: 5GB, down: 10GB }, { over: 30d, total: 500GB }]',
  over: '4h',
  total: '500GB',
  warn: '80%',
  slope: '75%',
  release: '90%',
  // biome-ignore lint/suspicious/noThenProperty: the contract calls the key so, and nobody awaits the table
  then: '[{ throttle: { up: 1mbit, down: 2mbit } }, page]',
  throttle: '{ up: 1mbit, down: 2mbit }',
  page: '{ allow: [10.0.0.1, portal.example.org] }',
  allow: '[10.0.0.1, portal.example.org]',
  cert: '/etc/shaper/portal.pem',
  key: '/etc/shaper/portal.key',
  text: '/etc/shaper/page.html',
  style: '/etc/shaper/page.css',
  exec: '[/usr/local/bin/tell, "{host}", "{quota}"]',
  webhook: 'https://hooks.example.org/quota',
  mail: '{ to: admin@example.org }',
  to: 'admin@example.org',
  from: 'shaper@example.org',
  server: 'smtps://mail.example.org',
  modules: '[{ use: ./mine.ts, options: { threshold: 20 } }]',
  module: './punish.ts',
  use: './mine.ts',
  run: 'kernel',
  options: '{ threshold: 20 }',
  local: '{ exempt: { ports: 22 } }',
  exempt: '{ ports: [22, 8022], share: 10% }',
  ports: '[22, 8022]',
  share: '10%',
  nfqueue: '{ first: 200 }',
  first: '200',
  control: '{ socket: /run/shaper/dsl.sock }',
  socket: '/run/shaper/dsl.sock',
  group: 'admin',
  log: '{ level: debug }',
  level: 'debug',
  probability: '0.05',
  weight: '2',
  alpha: '0.25',
  beta: '2.5',
  prefix6: '64',
  bytes: '44',
  mpu: '64',
  count: '8',
  length: '65536',
  priority: '0',
  meanPacket: '500B',
  interval: '200ms',
  update: '30ms',
  target: '20ms',
};
/** Names that mean one thing here and another there, by the whole key. */
const BY_KEY: Readonly<Record<string, string>> = {
  'remark.red': 'af13',
  'nfqueue.mark': '0x00ff0000',
  'queue.aqm.red.weight': '0.005',
  'queue.aqm.wred.weight': '0.005',
  'queue.aqm.pie.burst': '300ms',
  'windows.up': '5GB',
  'windows.down': '10GB',
};
const BY_TAKES: Readonly<Record<string, string>> = {
  rate: '5mbit',
  'rate or unlimited': '5mbit',
  'rate or share': '80%',
  'name, { src, host, mac }, or list': '{ src: 10.0.0.0/16 }',
  size: '60kB',
};

/** The key with a value, as in a file: `queue: { limit: 60kB }`. */
export function exampleOf(key: string, field: UsableField): string {
  const [first, ...rest] = key.split('.');
  const inner = rest.reduceRight((value, name) => `{ ${name}: ${value} }`, exampleValue(key, field));
  return `${first}: ${inner}`;
}

/** The value alone. */
export function exampleValue(key: string, field: UsableField): string {
  const name = key.slice(key.lastIndexOf('.') + 1);
  const given = BY_KEY[key] ?? BY_TAKES[field.takes] ?? BY_NAME[name];
  if (given !== undefined) return given;
  if (field.takes === 'true or false') return String(field.default !== 'true');
  const choices = (field.schema.enum as unknown[] | undefined)?.map(String) ?? [];
  return choices.findLast((choice) => choice !== field.default) ?? field.default;
}
