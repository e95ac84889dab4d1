/** What itm-route does with a packet: wrap it, take it out, answer a probe, or leave it. */
import {
  destinationOf,
  IP_BYTES_MAX,
  IPPROTO_IPIP,
  IPV4_HEADER_BYTES,
  lowerTtl,
  mayBeCut,
  NO_TUNNEL,
  packetBytes,
  protocolOf,
  sourceOf,
  TUNNEL_CONGESTED,
  TUNNEL_PIECE,
  unwrap,
  wrap,
} from '../../algo/overlay/ipip.ts';
import { NONE } from '../../base/none.ts';
import { ACCEPT, DROP, type Itm, type ModuleInstance, type Verdict } from '../../modules/api/module.ts';
import type { Packet } from '../../modules/api/packet.ts';
import { mayAnswerTooBig, tooBig } from '../../modules/api/too-big.ts';
import { Complaints } from '../shared/complaints.ts';
import { cut } from './cut.ts';
import { DIRECT, FarEnd } from './far-end.ts';
import { lowerMss } from './mss.ts';
import { PathMtus } from './path-mtu.ts';
import { PROBE_ANSWER, PROBE_BYTES, PROBE_QUESTION, type Probe, readProbe, writeProbe } from './probe.ts';
import { type RouteSettings, wordText } from './settings.ts';

/** What classify() says of a packet. */
const TO_DESTINATION = 1;
const TO_SELF = 2;

const TTL = 64;
const NS_PER_MS = 1e6;
/** Probes are due five times a period; the timer looks four times as often. */
const LOOKS_PER_PERIOD = 20;

export class ItmRoute implements ModuleInstance {
  private readonly itm: Itm;
  private readonly settings: RouteSettings;
  private readonly ends: readonly FarEnd[];
  /** By destination. */
  private readonly endOf: readonly FarEnd[];
  private readonly peers: ReadonlySet<number>;
  private readonly mtus = new PathMtus();
  private readonly deviceMtus = new Map<string, number>();
  private readonly complaints: Complaints;
  private readonly out = new Uint8Array(IP_BYTES_MAX);
  private readonly probePacket = new Uint8Array(PROBE_BYTES);
  private readonly probe: Probe = {
    ...{ src: 0, dst: 0, kind: 0, path: 0 },
    ...{ sequence: 0, nonceHigh: 0, nonceLow: 0, via: 0 },
  };
  private ident = 0;
  /** Where the packet of this call leads, as classify() found. */
  private end: FarEnd | null = null;

  constructor(itm: Itm, settings: RouteSettings) {
    this.itm = itm;
    this.settings = settings;
    this.complaints = new Complaints(itm.log, () => itm.now());
    const { destinations, neighbours, periodNs } = settings;
    const addresses = [...new Set(destinations.map(({ end }) => end))];
    this.ends = addresses.map((address) => new FarEnd(address, settings));
    this.endOf = destinations.map(({ end }) => this.ends[addresses.indexOf(end)]!);
    this.peers = new Set([...neighbours, ...addresses]);
    itm.onDevice(({ name, mtu }) => {
      if (mtu === null) this.deviceMtus.delete(name);
      else this.deviceMtus.set(name, mtu);
    });
    if (this.ends.length > 0)
      itm.every(Math.max(1, periodNs / NS_PER_MS / LOOKS_PER_PERIOD), () => this.look());
  }

  classify(p: Packet): number {
    const bytes = p.bytes!;
    if (p.family !== 4 || packetBytes(bytes, 0, bytes.length) === 0) return 0;
    const dst = destinationOf(bytes);
    if (dst === this.settings.self) return p.hook === 'prerouting' ? TO_SELF : 0;
    this.end = this.endFor(dst);
    // A packet to a neighbour may be a tunnel packet already, and needs no detour.
    return this.end === null || this.settings.neighbours.includes(dst) ? 0 : TO_DESTINATION;
  }

  process(p: Packet, cls: number): Verdict {
    return cls === TO_DESTINATION ? this.send(p, this.end!) : this.receive(p);
  }

  private endFor(dst: number): FarEnd | null {
    const { destinations } = this.settings;
    for (let d = 0; d < destinations.length; d++) {
      const { network, mask } = destinations[d]!;
      if ((dst & mask) >>> 0 === network) return this.endOf[d]!;
    }
    return null;
  }

  private send(p: Packet, end: FarEnd): Verdict {
    const bytes = p.bytes!;
    // The path may change during a connection, so its segments leave room for the tunnel from the start.
    const isLowered = this.settings.neighbours.length > 0 && lowerMss(bytes, IPV4_HEADER_BYTES);
    if (end.path === NONE || end.path === DIRECT) {
      if (isLowered) p.touched();
      return ACCEPT;
    }
    const neighbour = this.settings.neighbours[end.path - 1]!;
    const outerBytes = Math.min(this.mtuOf(p), this.mtus.of(neighbour, this.itm.now()), IP_BYTES_MAX);
    const mtu = outerBytes - IPV4_HEADER_BYTES;
    const length = packetBytes(bytes, 0, bytes.length);
    if (length > mtu && !mayBeCut(bytes)) {
      if (mayAnswerTooBig(p)) this.inject(tooBig(p, mtu));
      return DROP;
    }
    // A forwarded packet whose TTL ends here stays as it is: the kernel answers it.
    if (p.hook === 'prerouting' && !lowerTtl(bytes)) return ACCEPT;
    const pieces = length > mtu ? cut(bytes, mtu) : [];
    for (const piece of pieces.slice(1)) this.inject(this.wrapped(piece, neighbour));
    p.replace(this.wrapped(pieces[0] ?? bytes, neighbour));
    return ACCEPT;
  }

  /** Of the device by which it leaves, or by which it came if that is not known yet. */
  private mtuOf({ oif, iif }: Packet): number {
    const device = oif === '' ? iif : oif;
    return this.deviceMtus.get(device) ?? this.itm.mtuOf(device);
  }

  /** Valid until the next call. */
  private wrapped(inner: Uint8Array, neighbour: number): Uint8Array {
    this.ident = (this.ident + 1) & 0xffff;
    const bytes = wrap(inner, this.out, { src: this.settings.self, dst: neighbour }, this.ident, TTL);
    return this.out.subarray(0, bytes);
  }

  private receive(p: Packet): Verdict {
    const bytes = p.bytes!;
    if (protocolOf(bytes) === IPPROTO_IPIP) return this.takeOut(p, bytes);
    if (this.isProbe(bytes)) return DROP;
    this.mtus.learn(bytes, this.settings.self, this.settings.neighbours, this.itm.now());
    return ACCEPT;
  }

  private takeOut(p: Packet, bytes: Uint8Array): Verdict {
    const from = sourceOf(bytes);
    if (!this.peers.has(from)) {
      this.complaints.add('a tunnel packet from an address that is none of the neighbours or ends', {
        from: wordText(from),
      });
      return ACCEPT;
    }
    const at = unwrap(bytes);
    if (at > NO_TUNNEL)
      return this.goOn(p, bytes.subarray(at, at + packetBytes(bytes, at, bytes.length - at)));
    if (at === TUNNEL_PIECE) {
      this.complaints.add('a tunnel packet in pieces: a device on the way has a smaller MTU', {
        from: wordText(from),
      });
    } else if (at !== TUNNEL_CONGESTED) {
      this.complaints.add('a tunnel packet with nothing valid in it', { from: wordText(from) });
    }
    return at === TUNNEL_PIECE ? ACCEPT : DROP;
  }

  /** What was inside is the packet from now on. The kernel routes it. */
  private goOn(p: Packet, inner: Uint8Array): Verdict {
    if (destinationOf(inner) === this.settings.self && this.isProbe(inner)) return DROP;
    p.replace(inner);
    return ACCEPT;
  }

  private isProbe(bytes: Uint8Array): boolean {
    const { probe } = this;
    if (!readProbe(bytes, probe)) return false;
    if (probe.kind === PROBE_QUESTION) this.answer(probe);
    else this.takeAnswer(probe);
    return true;
  }

  private answer(probe: Probe): void {
    if (!this.peers.has(probe.src)) {
      this.complaints.add('a probe from an address that is none of the neighbours or ends', {
        from: wordText(probe.src),
      });
      return;
    }
    const { neighbours, self } = this.settings;
    const via = neighbours.includes(probe.via) ? probe.via : 0;
    this.sendProbe({ ...probe, src: self, dst: probe.src, kind: PROBE_ANSWER, via });
  }

  private takeAnswer(probe: Probe): void {
    const nowNs = this.itm.now();
    const end = this.ends.find(({ address }) => address === probe.src);
    if (end?.answered(probe.path, probe, nowNs)) this.choose(end, nowNs);
    else this.complaints.add('an answer to no probe of ours', { from: wordText(probe.src) });
  }

  private look(): void {
    const nowNs = this.itm.now();
    const { self, neighbours } = this.settings;
    const random = (): number => this.itm.random();
    for (const end of this.ends) {
      end.ask(random, nowNs, (path, question) => {
        const via = path === DIRECT ? 0 : neighbours[path - 1]!;
        this.sendProbe({ src: self, dst: end.address, kind: PROBE_QUESTION, path, ...question, via });
      });
      this.choose(end, nowNs);
    }
  }

  /** An end that is a neighbour too is asked by that path in a tunnel packet, as its traffic goes. */
  private sendProbe(probe: Probe): void {
    const { probePacket } = this;
    writeProbe(probe, probePacket);
    this.inject(probe.via === 0 ? probePacket : this.wrapped(probePacket, probe.via));
  }

  private inject(bytes: Uint8Array): void {
    try {
      this.itm.inject(bytes);
    } catch (error) {
      this.complaints.add('a packet cannot be sent', { error: String(error) });
    }
  }

  private choose(end: FarEnd, nowNs: number): void {
    if (!end.choose(nowNs)) return;
    const { neighbours } = this.settings;
    const names = ['direct', ...neighbours.map(wordText)];
    const rtts = end
      .rttsNs(nowNs)
      .map((rttNs, path) => [names[path], Number.isNaN(rttNs) ? null : rttNs / NS_PER_MS]);
    const fields = {
      end: wordText(end.address),
      path: names[end.path] ?? null,
      rttMs: Object.fromEntries(rtts),
    };
    if (end.path === NONE) this.itm.log.warn(fields, 'no path answers probes: packets go as they are routed');
    else this.itm.log.info(fields, 'another path is the closest one');
  }
}
