/** Limits of every known host that nothing reaches: what quotas cost while nobody is over. */

import { NOBODY } from '../src/core/hosts/host-layout.ts';
import { createHostRecord, HostReader } from '../src/core/hosts/host-reader.ts';
import { type LimitedHost, limitColumns } from '../src/core/hosts/limit-columns.ts';
import type { HostLimits } from '../src/core/hosts/update.ts';

const FAR_BYTES = 1e15;
const HOLD = { kind: 'none', upBytesPerSec: Infinity, downBytesPerSec: Infinity } as const;
const NEXT = { kind: 'block', upBytesPerSec: Infinity, downBytesPerSec: Infinity } as const;

/** `buffer`: the memory of hosts. */
export function farMaxima(buffer: ArrayBufferLike): HostLimits {
  const reader = new HostReader(buffer);
  const record = createHostRecord();
  const hosts: LimitedHost[] = [];
  for (let row = reader.nextHost(NOBODY); row !== NOBODY; row = reader.nextHost(row)) {
    if (!reader.readHost(row, record)) continue;
    const { generation, upBytes, downBytes } = record;
    hosts.push({
      ...{ row, generation, takenUpBytes: upBytes, takenDownBytes: downBytes },
      limit: {
        ...HOLD,
        ...{ upBytesLeft: FAR_BYTES, downBytesLeft: FAR_BYTES, totalBytesLeft: FAR_BYTES, next: NEXT },
      },
    });
  }
  return limitColumns(hosts, []);
}
