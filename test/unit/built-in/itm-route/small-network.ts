/**
 * Machines with itm-route, and links between them in virtual time: A and D are the ends, n1 .. n3 neighbours.
 *
 *          n1
 *        / n2 \         a packet between two machines takes the delay of their pair; null: it is lost
 *     A -- n3 -- D
 *      \________/
 */
import { destinationOf } from '../../../../src/algo/overlay/ipip.ts';
import { addressWord } from '../../../../src/built-in/itm-route/settings.ts';
import itmRoute from '../../../../src/built-in/itm-route.ts';
import { DROP, type ModuleInstance } from '../../../../src/modules/api/module.ts';
import { Machine, pass } from '../machine.ts';

export const A = '10.0.0.1';
export const D = '10.0.0.9';
export const N = ['10.0.0.11', '10.0.0.12', '10.0.0.13'];
const MS = 1e6;

interface Flying {
  readonly atNs: number;
  readonly to: string;
  readonly from: string;
  readonly bytes: Uint8Array;
}

export const OPTIONS = {
  self: A,
  neighbours: N,
  destinations: [`10.9.0.0/16@${D}`],
  probe: 1000 * MS,
  hysteresis: 0.1,
  lifetime: 5000 * MS,
};

export class SmallNetwork {
  readonly hosts = new Map<string, Machine>();
  readonly delayMs = new Map<string, number | null>();
  /** What has come to the network behind D, and by which machines it went. */
  readonly arrived: { bytes: Uint8Array; by: string[]; atNs: number }[] = [];
  nowNs = 0;
  private readonly modules = new Map<string, ModuleInstance>();
  private readonly flying: (Flying & { by: string[] })[] = [];

  constructor() {
    this.add({ ...OPTIONS });
    this.add({ ...OPTIONS, self: D, destinations: [`10.1.0.0/16@${A}`] });
    for (const self of N) this.add({ ...OPTIONS, self, neighbours: [A, D], destinations: [] });
    this.setDelay(A, D, 50);
  }

  /** Both directions; through n: half of it on each side. */
  setDelay(a: string, b: string, ms: number | null): void {
    this.delayMs.set(`${a}-${b}`, ms).set(`${b}-${a}`, ms);
  }

  setNeighbour(n: number, ms: number | null): void {
    const half = ms === null ? null : ms / 2;
    this.setDelay(A, N[n]!, half);
    this.setDelay(N[n]!, D, half);
  }

  /** A local packet leaves A, as its module lets it. */
  send(bytes: Uint8Array): void {
    const { verdict, bytes: out } = pass(this.modules.get(A)!, 'output', bytes);
    if (verdict !== DROP) this.leave(A, out, [A]);
  }

  runUntil(nowNs: number): void {
    for (;;) {
      this.flying.sort((a, b) => a.atNs - b.atNs);
      const due = Math.min(this.flying[0]?.atNs ?? Infinity, ...[...this.hosts.values()].map((h) => h.dueNs));
      if (due > nowNs) break;
      this.nowNs = due;
      for (const host of this.hosts.values()) host.runUntil(due);
      if (this.flying[0] && this.flying[0].atNs <= due) this.arrive(this.flying.shift()!);
    }
    this.nowNs = nowNs;
    for (const host of this.hosts.values()) host.runUntil(nowNs);
  }

  private add(options: typeof OPTIONS): void {
    const host = new Machine();
    host.onInject = (bytes) => this.leave(options.self, bytes, [options.self]);
    this.hosts.set(options.self, host);
    this.modules.set(options.self, itmRoute.create!(host.itm, options));
  }

  /** Routing: a machine is reached as it is addressed, 10.9/16 by D, 10.1/16 by A. */
  private leave(from: string, bytes: Uint8Array, by: string[]): void {
    const dst = destinationOf(bytes);
    const to = [...this.hosts.keys()].find((name) => addressWord(name) === dst) ?? (bytes[17] === 9 ? D : A);
    const ms = this.delayMs.get(`${from}-${to}`);
    if (ms === undefined) throw new Error(`no way from ${from} to ${to}`);
    if (ms !== null) this.flying.push({ atNs: this.nowNs + ms * MS, to, from, bytes, by });
  }

  private arrive({ to, bytes, by }: Flying & { by: string[] }): void {
    const { verdict, bytes: out } = pass(this.modules.get(to)!, 'prerouting', bytes);
    if (verdict === DROP) return;
    const dst = destinationOf(out);
    const isHere = addressWord(to) === dst || (to === D && out[17] === 9) || (to === A && out[17] === 1);
    if (isHere) this.arrived.push({ bytes: out, by: [...by, to], atNs: this.nowNs });
    else this.leave(to, out, [...by, to]);
  }
}
