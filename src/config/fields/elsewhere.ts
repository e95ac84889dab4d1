/**
 * Words that people write for a key that is called otherwise or stands elsewhere, with the advice for each. A
 * typing error needs no entry: the nearest key is named.
 */
import { misplaced, type RefusedField } from './kinds.ts';

type Refused<Word extends string> = { readonly [W in Word]: RefusedField };

/** `words` are separated by spaces. */
function words<const Text extends string>(text: Text, advice: string): Refused<WordOf<Text>> {
  return Object.fromEntries(text.split(' ').map((word) => [word, misplaced(advice)])) as Refused<
    WordOf<Text>
  >;
}

type WordOf<Text extends string> = Text extends `${infer Word} ${infer Rest}` ? Word | WordOf<Rest> : Text;

/** The key has another name. */
function renamed<const Text extends string>(text: Text, key: string): Refused<WordOf<Text>> {
  return words(text, `this key is called ${key}`);
}

const GUARANTEE_AND_CEIL = 'write rate for what is guaranteed, ceil for the most';
const BY_MARK = 'let nft set a packet mark for it, and match mark';
const UNSEEN = `packets do not show it; ${BY_MARK}`;
const PROCESS = 'write exe: /usr/bin/rsync for a program';

export const NO_TOP_KEYS = {
  ...words(
    'device interface up down both rate classes',
    'it belongs in a link: links: { NAME: { device: …, up: …, down: … } }',
  ),
  ...renamed('interfaces devices', 'links'),
  ...words('queue queues mark bypass gso backend', 'it belongs in nfqueue'),
  ...words('socket', 'it belongs in control'),
  ...words('level loglevel logging', 'write log: { level: … }'),
  ...renamed('host', 'hosts'),
  ...renamed('quota', 'quotas'),
  ...renamed('module plugins', 'modules'),
  ...words('lan identify leases names', 'it belongs in hosts'),
  ...words('store database db', 'write history: { file: … }'),
  ...words('windows', 'it belongs in a quota: quotas: { NAME: { windows: … } }'),
};

export const NO_LINK_KEYS = {
  ...renamed('interface iface dev nic ifname', 'device'),
  ...renamed('upload egress upstream uplink', 'up'),
  ...renamed('download ingress downstream downlink', 'down'),
  ...words('rate bandwidth speed', 'each direction has a rate; write up: RATE, down: RATE, or both: RATE'),
  ...words('classes queue match ceil burst police each', 'it belongs in up, down or both'),
  ...words('mpu framing linklayer atm', 'it belongs in overhead'),
};

export const NO_DIRECTION_KEYS = {
  ...words('up down', 'a rate for each direction of both is written as rate: { up: …, down: … }'),
  ...renamed('bandwidth speed max', 'rate'),
  ...words('device overhead', 'it belongs in the link'),
  ...words('aqm discipline isolation limit ackFilter', 'write classes: { default: { queue: … } }'),
  ...words('default', 'it is a class; write classes: { default: … }'),
  ...words('adjust', 'a direction has no siblings; one of its classes can adjust'),
  ...words('pace', 'it belongs in tcp'),
};

export const NO_CLASS_KEYS = {
  ...words('bandwidth speed', GUARANTEE_AND_CEIL),
  ...words('limit', 'write ceil for the most rate, queue: { limit: … } for how much may wait'),
  ...renamed('min minimum minrate guaranteed guarantee assured committed', 'rate'),
  ...renamed('max maximum maxrate peak', 'ceil'),
  ...renamed('share quantum', 'weight'),
  ...renamed('filter filters matches', 'match'),
  ...renamed('children subclasses', 'classes'),
  ...words('default', 'it is a class; write classes: { default: … }'),
  ...words('aqm discipline isolation ackFilter short', 'it belongs in queue'),
  ...words('codel pie red wred', 'it belongs in queue: { aqm: … }'),
  ...words('ecn', 'it belongs to the algorithm: queue: { aqm: { codel: { ecn: … } } }'),
  ...words('by', 'it belongs in each'),
  ...words('pace', 'it belongs in tcp'),
  ...renamed('adjustable reserve', 'adjust'),
  ...words('exceed', 'it belongs in police or each'),
  ...words('dscp tos', 'match: { dscp: … } chooses packets by it, remark writes it'),
  ...words(
    'proto protocol src dst host sport dport port inside outside insidePort outsidePort mark iif oif',
    'it belongs in match',
  ),
  ...words('up down', 'a class belongs to one direction; in both, a value may be { up: …, down: … }'),
};

export const NO_MATCH_KEYS = {
  ...renamed('saddr source srcip from', 'src'),
  ...renamed('daddr destination dest dstip to', 'dst'),
  ...words('ip addr address subnet network net', 'write src, dst, or host for either of them'),
  ...renamed('srcport sourceport', 'sport'),
  ...renamed('dstport destport', 'dport'),
  ...renamed('tos dsfield', 'dscp'),
  ...renamed('fwmark nfmark', 'mark'),
  ...words(
    'connmark ctmark',
    'let nft restore it to the packet mark (meta mark set ct mark), and match mark',
  ),
  ...words('dev device interface iface', 'write iif for where packets come in, oif for where they leave'),
  ...renamed('hostMac macs ether', 'mac'),
  ...words('vlan', 'write the device of the VLAN as iif or oif, such as eth0.5'),
  ...words('pid process comm program', `${PROCESS}; for a single process use: shaper attach pid:N CLASS`),
  ...renamed('uid', 'user'),
  ...renamed('gid', 'group'),
  ...words(
    'unit',
    'write its control group, cgroup: /system.slice/NAME.service, or: shaper attach unit:NAME CLASS',
  ),
  ...words('container', 'use: shaper attach container:NAME CLASS'),
  ...words('domain hostname sni url', `packets show addresses; ${BY_MARK}, by a set of its addresses`),
  ...words('app application l7', 'only headers are read; match ports, dscp or mark'),
  ...words('country geoip asn', `${UNSEEN}, by a set of its addresses`),
  ...words('length ttl state ctstate flags', BY_MARK),
  ...words('not', 'a matcher has no opposite; put a class for the exceptions before this one'),
  ...words('all any', 'a class without match takes every packet that reaches it'),
  ...words('family ipv4 ipv6', 'write src: 0.0.0.0/0 for IPv4, src: "::/0" for IPv6'),
};

export const NO_BUCKET_KEYS = renamed('ceil limit max bandwidth speed', 'rate');

export const NO_EACH_KEYS = {
  ...renamed('per of', 'by'),
  ...renamed('prefix prefixlen', 'prefix6'),
};

export const NO_QUEUE_KEYS = {
  ...words('codel pie red wred', 'it belongs in aqm'),
  ...words('ecn', 'it belongs to the algorithm: aqm: { codel: { ecn: … } }'),
  ...words('target interval', 'it belongs to the algorithm: aqm: { codel: … }'),
  ...words('min max', 'thresholds belong to RED: aqm: { red: { min: …, max: … } }'),
  ...words('rate ceil priority weight burst', 'it belongs in the class, beside queue'),
  ...renamed('size length depth buffer', 'limit'),
  ...renamed('type kind algorithm', 'discipline'),
};

export const NO_HOSTS_KEYS = {
  ...renamed('device devices interface interfaces inside', 'lan'),
  ...renamed('by', 'identify'),
  ...renamed('name', 'names'),
  ...renamed('lease dhcp', 'leases'),
  ...renamed('dns', 'reverseDns'),
  ...words('file keep flush', 'it belongs in history'),
  ...words('quotas windows', 'quotas stand beside hosts, not in it'),
};

export const NO_HISTORY_KEYS = {
  ...renamed('path db database store', 'file'),
  ...renamed('retention steps', 'keep'),
  ...renamed('interval every', 'flush'),
};

export const NO_QUOTA_KEYS = {
  ...renamed('window limits', 'windows'),
  ...words('over up down total', 'it belongs in windows'),
  ...renamed('match host for', 'hosts'),
  ...renamed('actions action do', 'then'),
  ...words('throttle block page exec webhook mail', 'it belongs in then'),
};

export const NO_QUOTA_HOSTS_KEYS = words(
  'dst proto sport dport port inside outside insidePort outsidePort dscp mark iif oif',
  'a quota counts all packets of its hosts; choose hosts by src, host or mac',
);

export const NO_WINDOW_KEYS = {
  ...renamed('window period time per', 'over'),
  ...renamed('upload', 'up'),
  ...renamed('download', 'down'),
  ...renamed('both sum limit', 'total'),
};

export const NO_ACTION_KEYS = {
  ...renamed('limit slow', 'throttle'),
  ...renamed('stop drop', 'block'),
  ...renamed('portal', 'page'),
  ...renamed('run command', 'exec'),
  ...renamed('hook url', 'webhook'),
  ...renamed('email', 'mail'),
  ...words('up down rate', 'it belongs in throttle'),
  ...words('to from server', 'it belongs in mail'),
  ...words('allow cert key text style', 'it belongs in page'),
  ...words('warn slope release', 'it belongs in the quota, beside then'),
};

export const NO_LOCAL_KEYS = words('ports share', 'it belongs in exempt');

export const NO_NFQUEUE_KEYS = {
  ...renamed('num number queue', 'first'),
  ...renamed('queues', 'count'),
};

export const NO_CONTROL_KEYS = renamed('path', 'socket');

export const NO_LOG_KEYS = words('file path', 'the log goes to standard output; redirect that');

export const NO_MODULE_KEYS = {
  ...renamed('name module file path from', 'use'),
  ...renamed('prio order', 'priority'),
  ...renamed('option args params', 'options'),
  ...words('hooks interest payload budget', 'the module itself says so, in its file'),
  ...words('on off disabled', 'write enabled: true or enabled: false'),
};
