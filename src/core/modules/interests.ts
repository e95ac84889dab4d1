/**
 * Whether a packet is one of those in which a module is interested. Rules bring up what may be, the NFQUEUE
 * is shared by all modules, and a module may have changed the packet: so every packet is asked here, by the
 * matchers of classes.
 *
 * Whose a packet is (user, group, control group, program) is known where the kernel has its socket: at input
 * and output, and for packets of this machine at postrouting. At prerouting it is asked for as at input.
 * Forwarded packets belong to whatever is attached to their devices and addresses.
 */
import {
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
} from '../../packet/batch.ts';
import { type MatcherSpec, subjectKeysOf } from '../../spec/match.ts';
import type { FlowOwners } from '../flows/flow-owners.ts';
import type { FlowTable } from '../flows/flow-table.ts';
import { Matcher, type PacketContext } from '../flows/matcher.ts';
import { NOBODY } from '../hosts/host-layout.ts';
import type { Hosts } from '../hosts/hosts.ts';
import type { Rows } from './rows.ts';

/** What of a packet a list of matchers asks for, beside its headers. */
const ASKS_DEVICES = 1;
const ASKS_HOSTS = 2;
const ASKS_SUBJECTS = 4;

export interface Interest {
  readonly matchers: readonly Matcher[];
  readonly asks: number;
}

export interface InterestParts {
  readonly flows: FlowTable;
  readonly owners: FlowOwners;
  readonly hosts: Hosts;
  readonly markMask: number;
  /** Name of the device with this interface index; empty if there is none. */
  readonly nameOf: (ifIndex: number) => string;
}

export class Interests {
  private readonly parts: InterestParts;
  /** Devices that matchers name, from number 1 on. */
  private readonly numbers = new Map<string, number>();
  private readonly numberOfIndex = new Map<number, number>();
  private readonly context: PacketContext = {
    foreignMark: 0,
    deviceIn: 0,
    deviceOut: 0,
    srcAddress: NOBODY,
    dstAddress: NOBODY,
    macHigh: 0,
    macLow: 0,
  };

  constructor(parts: InterestParts) {
    this.parts = parts;
  }

  /** null: every packet. */
  compile(specs: readonly MatcherSpec[] | null): Interest | null {
    if (specs === null) return null;
    const numberOf = (name: string): number => {
      const number = this.numbers.get(name) ?? this.numbers.size + 1;
      this.numbers.set(name, number);
      return number;
    };
    const { hosts, owners } = this.parts;
    this.forgetDevices();
    return {
      matchers: specs.map((spec) => new Matcher(spec, numberOf, hosts.names, owners.subjects)),
      asks:
        (specs.some(({ iif, oif }) => iif || oif) ? ASKS_DEVICES : 0) |
        (specs.some(({ hostNames, mac }) => hostNames || mac) ? ASKS_HOSTS : 0) |
        (specs.some((spec) => subjectKeysOf(spec).length > 0) ? ASKS_SUBJECTS : 0),
    };
  }

  /** Names of devices may have changed. */
  forgetDevices(): void {
    this.numberOfIndex.clear();
  }

  takes({ matchers, asks }: Interest, rows: Rows, p: number, nowNs: number): boolean {
    const { context } = this;
    const { arrivals, parsed } = rows;
    context.foreignMark = (arrivals.mark[p] & ~this.parts.markMask) >>> 0;
    if ((asks & ASKS_DEVICES) !== 0) {
      context.deviceIn = this.number(arrivals.portIn[p]) || this.number(arrivals.ifIndexIn[p]);
      context.deviceOut = this.number(arrivals.portOut[p]) || this.number(arrivals.ifIndexOut[p]);
    }
    if ((asks & ASKS_HOSTS) !== 0) this.findHosts(rows, p);
    if ((asks & ASKS_SUBJECTS) !== 0) this.findSubjects(rows, p, nowNs);
    for (let n = 0; n < matchers.length; n++) if (matchers[n].matches(parsed, p, context)) return true;
    return false;
  }

  private number(ifIndex: number): number {
    if (ifIndex === 0) return 0;
    let number = this.numberOfIndex.get(ifIndex);
    if (number === undefined) {
      number = this.numbers.get(this.parts.nameOf(ifIndex)) ?? 0;
      this.numberOfIndex.set(ifIndex, number);
    }
    return number;
  }

  private findHosts({ arrivals, parsed }: Rows, p: number): void {
    const { context } = this;
    const { addresses } = this.parts.hosts;
    const { family, src0, src1, src2, src3, dst0, dst1, dst2, dst3 } = parsed;
    context.srcAddress = addresses.find(family[p], src0[p], src1[p], src2[p], src3[p]);
    context.dstAddress = addresses.find(family[p], dst0[p], dst1[p], dst2[p], dst3[p]);
    context.macHigh = arrivals.macHigh[p];
    context.macLow = arrivals.macLow[p];
  }

  private findSubjects({ arrivals, parsed }: Rows, p: number, nowNs: number): void {
    const { flows, owners } = this.parts;
    if (!owners.isUsed) return;
    const ifIndexIn = arrivals.ifIndexIn[p];
    const ifIndexOut = arrivals.ifIndexOut[p];
    const hook = socketHook(arrivals.hook[p], ifIndexIn);
    const f = flows.findOrMake(parsed, p, nowNs);
    owners.find(f, parsed, p, hook, ifIndexIn, ifIndexOut, true);
    if (owners.lastIsPassing) owners.find(f, parsed, p, hook, ifIndexIn, ifIndexOut, false);
  }
}

/** The hook of classes at which the packet's socket is looked for in the same way. */
function socketHook(hook: number, ifIndexIn: number): number {
  if (hook === NF_INET_PRE_ROUTING) return NF_INET_LOCAL_IN;
  if (hook !== NF_INET_POST_ROUTING) return hook;
  return ifIndexIn === 0 ? NF_INET_LOCAL_OUT : NF_INET_FORWARD;
}
