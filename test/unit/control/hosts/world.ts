/** The control thread's side of hosts over fakes, in virtual time. */
import type { ViolationFacts } from '../../../../src/control/hosts/actions/facts.ts';
import { HostService } from '../../../../src/control/hosts/host-service.ts';
import type { ModuleNews } from '../../../../src/control/hosts/quota-teller.ts';
import type { LogLine, StoppedAddresses } from '../../../../src/control/messages.ts';
import type { HostLimits, HostsUpdate } from '../../../../src/core/hosts/update.ts';
import type { PageHost } from '../../../../src/portal/messages.ts';
import type { HistorySpec, PageSpec, QuotaSpec } from '../../../../src/spec/hosts.ts';
import type { Stored } from '../../../../src/store/batch.ts';
import { shaper } from '../../../sim/world.ts';
import { FakeClock } from '../change/fakes.ts';
import { FakeMemory, FakeStore } from './fakes.ts';

export const SECOND_MS = 1000;
export const HISTORY: HistorySpec = {
  ...{ file: '/var/lib/shaper/x.db', flushNs: 10e9 },
  keep: [{ stepNs: 300e9, forNs: 2 * 86_400e9 }],
};
export const PAGE: PageSpec = {
  allow: [{ family: 4, words: [0xc0000201, 0, 0, 0], bits: 32 }, 'portal.example.org'],
  ...{ certFile: null, keyFile: null, textFile: null, styleFile: null },
};

/** Up to 1000 bytes in 100 s. */
export function quota(more: Partial<QuotaSpec> = {}): QuotaSpec {
  return {
    name: 'small',
    hosts: { names: null, match: null },
    windows: [{ overNs: 100e9, upBytes: 1000, downBytes: Infinity, totalBytes: Infinity }],
    ...{ warnShare: 0.8, slopeShare: null, releaseShare: 1, throttle: null, isBlocking: true, page: null },
    outside: [],
    modules: [],
    ...more,
  };
}

export class HostsWorld {
  readonly memory = new FakeMemory();
  readonly clock: FakeClock;
  readonly store: FakeStore;
  readonly service: HostService;
  readonly sent: HostsUpdate[] = [];
  readonly events: object[] = [];
  readonly lines: LogLine[] = [];
  readonly told: ViolationFacts[] = [];
  readonly moduleNews: ModuleNews[] = [];
  readonly stopped: StoppedAddresses[] = [];
  pageHosts: readonly PageHost[] = [];
  isPageThere = false;
  names: Record<string, string> = {};
  onAllowed: (addresses: readonly string[]) => void = () => undefined;

  constructor(
    quotas: readonly QuotaSpec[],
    { stored = null, history = HISTORY, clock = new FakeClock() }: WorldOptions = {},
  ) {
    this.clock = clock;
    this.store = new FakeStore(stored);
    this.service = new HostService({
      ...{ source: this.memory, spec: { ...shaper({}), quotas }, history, clock },
      read: () => ({ bootMs: 5000 + clock.monotonicMs(), bootId: 'this', wallMs: clock.wallMs() }),
      send: (update) => void this.sent.push(update),
      tellKnown: (known) => void this.sent.push({ known }),
      actions: { tell: (_, facts) => void this.told.push(facts), close: () => undefined },
      namesOf: ({ id }) => (this.names[id] === undefined ? [] : [this.names[id]]),
      portName: (ifIndex) => `port ${ifIndex}`,
      onStopped: () => undefined,
      tellModule: (news) => void this.moduleNews.push(news),
      emit: (_, data) => void this.events.push(data),
      log: (line) => void this.lines.push(line),
      openStore: () => this.store,
      setStopped: (addresses) => void this.stopped.push(addresses),
      startPortal: ({ onAllowed }) => {
        this.isPageThere = true;
        this.onAllowed = onAllowed;
        return {
          setHosts: (hosts) => {
            this.pageHosts = hosts;
          },
          configure: () => undefined,
          close: async () => {
            this.isPageThere = false;
          },
        };
      },
    });
  }

  async run(seconds: number): Promise<void> {
    await this.clock.advance(seconds * SECOND_MS);
  }

  /** Limits that the packet thread was told, since the last call. */
  takeLimits(): HostLimits[] {
    return this.sent.splice(0).flatMap(({ limits }) => limits ?? []);
  }
}

interface WorldOptions {
  readonly stored?: Stored | null;
  readonly history?: HistorySpec;
  readonly clock?: FakeClock;
}
