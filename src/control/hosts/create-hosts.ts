/** Puts together what counts hosts in the control thread. */
import { readFileSync } from 'node:fs';
import type { LoadedConfig } from '../../config/config.ts';
import { HostReader } from '../../core/hosts/host-reader.ts';
import { openDeviceNames } from '../../io/nfqueue/device-names.ts';
import { startPortal } from '../../portal/portal.ts';
import type { ClockReading } from '../../quotas/quota-clock.ts';
import { openStore } from '../../store/store.ts';
import { ApiError } from '../api-error.ts';
import { REAL_CLOCK } from '../change/clock.ts';
import type { Emit } from '../events.ts';
import type { PacketThread } from '../packet-thread.ts';
import { OutsideActions } from './actions/actions.ts';
import { HostService } from './host-service.ts';
import { HostKnowledge } from './known/knowledge.ts';
import { KnownSender } from './known/known-sender.ts';
import { MemorySource } from './memory-source.ts';
import type { ModuleNews } from './quota-teller.ts';
import type { PortReport } from './reports.ts';
import { countPorts, SpoofWatch } from './spoofing.ts';

export type HostsConfig = Pick<LoadedConfig, 'spec' | 'history'>;

export interface Hosts {
  readonly service: HostService;
  readonly ports: () => readonly PortReport[];
  /** The configuration is another one. */
  follow(config: HostsConfig): void;
  close(): Promise<void>;
}

export function createHosts(
  { spec, history }: HostsConfig,
  buffer: ArrayBufferLike,
  packets: PacketThread,
  emit: Emit,
): Hosts {
  const log: PacketThread['log'] = (line) => packets.log(line);
  const send: PacketThread['updateHosts'] = (update) => packets.updateHosts(update);
  const known = new KnownSender(send, REAL_CLOCK);
  const knowledge = new HostKnowledge({
    ...{ send, tellKnown: known.add, nowMs: () => performance.now() },
    warn: (message, fields) => log({ level: 'warn', message, fields: { ...fields } }),
  });
  const portName = portNames();
  const spoofs = new SpoofWatch({ emit, portName });
  const reader = new HostReader(buffer);
  const service = new HostService({
    source: new MemorySource(reader, (news) => spoofs.look(news, performance.now())),
    ...{ spec, history, clock: REAL_CLOCK, read: readClocks(), send, emit, log, openStore, startPortal },
    tellKnown: known.add,
    actions: new OutsideActions({ clock: REAL_CLOCK, log }),
    setStopped: (addresses) => packets.setStopped(addresses),
    portName,
    namesOf: (entry) => knowledge.namesOf(entry),
    tellModule: (news) => void tellModule(packets, news),
    onStopped: ({ id, ifIndex }) => spoofs.stopped(id, ifIndex, performance.now()),
  });
  knowledge.follow(spec);
  return {
    service,
    ports: () =>
      [...countPorts(reader)].map(([ifIndex, { addresses, macs }]) => ({
        ...{ port: ifIndex === 0 ? '' : portName(ifIndex), addresses, macs: macs.size },
      })),
    follow: (config) => {
      knowledge.follow(config.spec);
      service.follow(config.spec, config.history);
    },
    close: () => {
      knowledge.close();
      known.close();
      return service.close();
    },
  };
}

/** A module that is not there, or is off, is no fault of the quota. */
async function tellModule(packets: PacketThread, news: ModuleNews): Promise<void> {
  try {
    await packets.modules({ do: 'quota', ...news });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { name, quota, host } = news;
    const fields = { module: name, quota, host: host.id, reason: error.message };
    packets.log({ level: 'warn', message: 'quota: the module was not told', fields });
  }
}

/** Of Node the clock that nobody sets is that since boot. */
function readClocks(): () => ClockReading {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return () => ({ bootMs: Number(process.hrtime.bigint() / 1000n) / 1000, bootId, wallMs: Date.now() });
}

/** A port has its name as long as it is there; hosts are told apart by it. */
function portNames(): (ifIndex: number) => string {
  let names: ReturnType<typeof openDeviceNames> | null = null;
  return (ifIndex) => {
    names ??= openDeviceNames();
    const name = names.nameOf(ifIndex);
    return name === '' ? `port ${ifIndex}` : name;
  };
}
