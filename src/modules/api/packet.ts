/** A packet as a module sees it. */

/** The hook at which a module meets a packet. Each is a place on the packet's way through the kernel. */
export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/**
 * One view for all packets: it shows another packet at the next call, so keep no reference to it. Numbers are
 * in host order. A field that the packet does not have is 0, unless it says otherwise.
 *
 * Whoever sets a field changes the packet. Lengths and checksums are mended. A setter throws RangeError if
 * the value does not fit into the field, and TypeError if the packet has no such field.
 */
export interface Packet {
  readonly hook: Hook;
  /** IP length in bytes: header and payload, as it goes on. A superpacket counts with all its segments. */
  readonly length: number;
  /** How many packets it is on the wire: 1, or the segments of a superpacket. */
  readonly segments: number;
  /** IP version; 0 for anything else. */
  readonly family: 4 | 6 | 0;
  /** IP protocol behind IPv6 extension headers: 6 is TCP, 17 UDP. 255: unknown. */
  readonly protocol: number;
  /** Text, such as `192.0.2.1` or `2001:db8::1`. Made when it is read: compare `flow` where it will do. */
  src: string;
  dst: string;
  /** TCP, UDP, UDP-Lite, SCTP; 0 otherwise. */
  sport: number;
  dport: number;
  /** Differentiated services code point, 0..63. */
  dscp: number;
  /** 0 Not-ECT, 1 ECT(1), 2 ECT(0), 3 CE. */
  ecn: number;
  /** Time to live, or hop limit. */
  ttl: number;
  /** null unless the packet has a TCP header. One view as well. */
  readonly tcp: TcpHeader | null;
  /** Packet mark, without the bits that the shaper uses itself. */
  mark: number;
  /** Names of devices; empty if there is none at this hook. */
  readonly iif: string;
  readonly oif: string;
  /**
   * A small number, the same for the packets of both directions of a connection. It is given to another
   * connection when this one has been silent for a minute, or at once if there are too many. -1: none, as for
   * later fragments.
   */
  readonly flow: number;
  /** 0 for packets that go as the first packet of the flow went, 1 for those that go the other way. */
  readonly direction: 0 | 1;
  /**
   * The whole packet from its IP header on; null without `payload: true`. A view that is valid until the call
   * ends. Writes to it change the packet; call `touched()` then.
   */
  readonly bytes: Uint8Array | null;
  /** `bytes` was written to: checksums are made anew, and later modules and classes read it again. */
  touched(): void;
  /**
   * The packet is these bytes from now on, which are copied: a whole IP packet. Checksums and lengths of
   * what is in it are not touched. Needs `payload: true`.
   * @throws TypeError without `payload: true`, or if the bytes are no IP packet
   * @throws RangeError if there are more than 65535 of them
   */
  replace(bytes: Uint8Array): void;
  /**
   * Keeps the packet back: return STOLEN from process() then. Its flow waits for no one: later packets
   * pass it unless they are held too. A packet that nobody answers within 30 s is accepted, and counted
   * as an error.
   * @throws Error if the module holds 10,000 packets already
   */
  hold(): Handle;
}

export interface TcpHeader {
  /** CWR ECE URG ACK PSH RST SYN FIN, from bit 7 down. */
  flags: number;
  seq: number;
  ack: number;
  /** As it stands in the header, without the window scale. */
  window: number;
  /** Bytes of data behind the header. */
  readonly dataBytes: number;
}

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;

/** A packet that is held: for `itm.accept()` or `itm.drop()`, once. */
export type Handle = number & { readonly handle: unique symbol };
