import { expect, it } from 'vitest';
import { farMaxima } from '../../../bench/far-maxima.ts';
import { MemoryPort } from '../../../bench/memory-port.ts';
import { LOOP_SETTING, ONE_LEAF } from '../../../bench/scale-cases.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { Engine } from '../../../src/core/engine.ts';
import { LIMIT_BLOCK, LIMIT_NONE } from '../../../src/core/hosts/update.ts';

const IF_INDEX = 3;

it('every host that has sent gets a maximum that it does not reach', () => {
  const engine = new Engine(loadConfig(ONE_LEAF(LOOP_SETTING), 'bench').spec, { seed: 1 });
  for (const device of engine.intake.devices) engine.intake.setDeviceIndex(device, IF_INDEX);
  const port = new MemoryPort({ flows: 12, hosts: 6, ports: 1 }, IF_INDEX, () => 0);
  engine.runBatch(port, 1e9);
  // Readers are told of hosts when the next batch begins.
  engine.runBatch(port, 2e9);
  const limits = farMaxima(engine.hosts.buffer);
  expect(limits.host).toHaveLength(6);
  expect([...new Set(limits.kind)]).toEqual([LIMIT_NONE]);
  expect([...new Set(limits.thenKind)]).toEqual([LIMIT_BLOCK]);
  for (const max of limits.upBytesMax) expect(max).toBeGreaterThan(1e12);
  engine.updateHosts({ limits }, 2e9);
  expect(engine.limits.isUsed).toBe(true);
});
