/** Inside hosts as maps of texts: the obvious twin of core/hosts, without bounds and routers. */
import type { IdentifyBy } from '../../src/spec/hosts.ts';

interface Shown {
  mac: number;
  /** Its MAC was told by others only. */
  isTold: boolean;
  port: number;
  host: string;
}

export type Counts = [
  upBytes: number,
  upPackets: number,
  downBytes: number,
  downPackets: number,
  dropped: number,
];

export class SlowHosts {
  readonly addresses = new Map<number, Shown>();
  readonly hosts = new Map<string, Counts>();
  identify: IdentifyBy = 'mac';
  isOnLink: (address: number) => boolean = () => true;
  isOwn: (address: number) => boolean = () => false;

  /** A packet from or to the address. A MAC or port of 0 is none. */
  packet(address: number, mac: number, port: number): void {
    const known = this.addresses.get(address);
    if (known === undefined) {
      const host = this.hostOf(address, mac, port);
      this.addresses.set(address, { mac, isTold: false, port, host });
      this.made(host);
      return;
    }
    if (mac !== 0) known.isTold = false;
    known.mac = mac || known.mac;
    known.port = port || known.port;
    this.settle(address);
  }

  /** Others say which MAC the address has; 0: none any more. */
  told(address: number, mac: number, port: number): void {
    const known = this.addresses.get(address);
    if (mac === 0) {
      if (!known?.isTold) return;
      known.mac = 0;
      known.port = port || known.port;
      this.settle(address);
    } else if (known === undefined) {
      this.packet(address, mac, port);
      this.addresses.get(address)!.isTold = true;
    } else if (known.mac !== mac) {
      known.isTold = true;
      known.mac = mac;
      known.port = port || known.port;
      this.settle(address);
    }
  }

  settleAll(): void {
    for (const address of this.addresses.keys()) this.settle(address);
  }

  count(address: number, change: Counts): string {
    const { host } = this.addresses.get(address)!;
    this.add(host, change);
    return host;
  }

  add(host: string, change: Counts): void {
    const counts = this.hosts.get(host);
    if (counts) for (const [at, by] of change.entries()) counts[at]! += by;
  }

  private settle(address: number): void {
    const shown = this.addresses.get(address)!;
    const before = shown.host;
    const host = this.hostOf(address, shown.mac, shown.port);
    if (host === before) return;
    shown.host = host;
    this.made(host);
    if (before !== `address ${address}`) return;
    this.add(host, this.hosts.get(before)!);
    this.hosts.delete(before);
  }

  private made(host: string): void {
    if (!this.hosts.has(host)) this.hosts.set(host, [0, 0, 0, 0, 0]);
  }

  private hostOf(address: number, mac: number, port: number): string {
    if (this.isOwn(address)) return `address ${address}`;
    if (this.identify === 'port' && port !== 0) return `port ${port}`;
    if (this.identify === 'mac' && mac !== 0 && this.isOnLink(address)) return `mac ${mac}`;
    return `address ${address}`;
  }
}
