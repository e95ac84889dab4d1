import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HostKnowledge } from '../../../../../src/control/hosts/known/knowledge.ts';
import type { HostsUpdate } from '../../../../../src/core/hosts/update.ts';
import { DEFAULT_HOSTS, type HostsSpec } from '../../../../../src/spec/hosts.ts';
import type { ShaperSpec } from '../../../../../src/spec/spec.ts';

const nas = { name: 'nas', mac: { high: 0, low: 1 }, address: null };

function spec(hosts: Partial<HostsSpec>, ...hostNames: string[]): Pick<ShaperSpec, 'hosts' | 'links'> {
  const child = { match: null, children: [{ match: [{ hostNames }, { proto: [6] }], children: [] }] };
  const links = [{ up: child, down: null }] as unknown as ShaperSpec['links'];
  return { hosts: { ...DEFAULT_HOSTS, ...hosts }, links };
}

describe('what is known of hosts', () => {
  let file: string;
  let folder: string;
  let knowledge: HostKnowledge;
  const updates: HostsUpdate[] = [];
  const asked: string[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'knowledge-'));
    file = join(folder, 'leases');
    updates.length = 0;
    asked.length = 0;
    knowledge = new HostKnowledge({
      send: (update) => updates.push(update),
      tellKnown: (known) => updates.push({ known }),
      warn: (message) => {
        throw new Error(message);
      },
      nowMs: () => 0,
      resolve: async (address) => {
        asked.push(address);
        return ['from.dns'];
      },
    });
  });
  afterEach(() => {
    knowledge.close();
    rmSync(folder, { recursive: true });
  });
  const write = (count: number, name: string): void => {
    const lease = (i: number): string => {
      const mac = `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;
      return `1 ${mac} 10.0.${i >> 8}.${i & 255} ${i === 7 ? name : '*'} *\n`;
    };
    writeFileSync(file, Array.from({ length: count }, (_, i) => lease(i)).join(''));
  };

  it('tells the core the names for which classes ask, of the configuration and of leases', async () => {
    knowledge.follow(spec({ names: [nas, { ...nas, name: 'unasked' }] }));
    expect(updates).toEqual([]);
    write(8, 'flat-12');
    knowledge.follow(spec({ names: [nas], leases: [file] }, 'nas', 'flat-12'));
    expect(updates.splice(0)).toEqual([{ names: [nas] }]);
    const flat = { name: 'flat-12', mac: { high: 0x0200, low: 7 }, address: null };
    await vi.waitFor(() => expect(updates).toContainEqual({ names: [nas, flat] }));
    expect(knowledge.namesOf({ id: 'x', macs: [flat.mac], addresses: [] })).toEqual(['flat-12']);
    updates.length = 0;
    knowledge.follow(spec({ names: [nas], leases: [file] }, 'nas', 'flat-12'));
    expect(updates).toEqual([]);
    knowledge.follow(spec({ leases: [file] }, 'flat-12'));
    expect(updates).toEqual([{ names: [flat] }]);
  });

  it('tells MACs of leases, and those that have changed', async () => {
    write(600, 'x');
    knowledge.follow(spec({ leases: [file] }));
    const known = () => updates.flatMap((update) => update.known ?? []);
    await vi.waitFor(() => expect(known()).toHaveLength(600), { timeout: 30_000 });
    expect(known()[258]).toEqual({
      ...{ family: 4, words: [0x0a000102, 0, 0, 0], mac: { high: 0x0200, low: 0x0102 } },
      ifIndex: 0,
    });
    updates.length = 0;
    write(601, 'y');
    await vi.waitFor(() => expect(known()).toHaveLength(1), { timeout: 30_000 });
  });

  it('asks reverse DNS only where it is wanted', async () => {
    const host = { id: 'x', macs: [], addresses: [{ family: 4, words: [0x0a000001, 0, 0, 0] } as const] };
    knowledge.follow(spec({}));
    expect(knowledge.namesOf(host)).toEqual([]);
    expect(asked).toEqual([]);
    knowledge.follow(spec({ reverseDns: true }));
    expect(knowledge.namesOf(host)).toEqual([]);
    await vi.waitFor(() => expect(knowledge.namesOf(host)).toEqual(['from.dns']));
    expect(asked).toEqual(['10.0.0.1']);
  });
});
