/** How the instance follows devices into bridges and out of them. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OperatingError } from '../../../src/base/errors.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { PortWatch } from '../../../src/live/port-watch.ts';
import type { BridgeCalls } from '../../../src/spec/bridge-ports.ts';
import type { BridgePorts } from '../../../src/spec/queue-plan.ts';
import type { LinkSpec } from '../../../src/spec/spec.ts';

const linksOf = (text: string): readonly LinkSpec[] => loadConfig(`links: { ${text} }`, 'f').spec.links;
const LAN = linksOf('lan: { device: p1, down: 1gbit }');
const ON: BridgeCalls = { ip: true, ip6: true, tagged: true };
const OFF: BridgeCalls = { ...ON, ip: false };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function world(backend: 'nft' | 'iptables' = 'iptables', refusal: string | null = null) {
  const at = {
    ports: new Map<string, string>(),
    calls: ON as BridgeCalls | null,
    links: LAN,
    fails: false,
    fault: null as Error | null,
  };
  const steps: string[] = [];
  const shown = (ports: BridgePorts): string => [...ports].map((pair) => pair.join(' of ')).join();
  const watch = new PortWatch({
    backend,
    findPorts: async (devices) => new Map([...at.ports].filter(([device]) => devices.includes(device))),
    readCalls: () => at.calls,
    takesEdits: true,
    refusalOfHooks: async (isLive) => {
      steps.push(`tries hooks${isLive ? ' elsewhere' : ''}`);
      return refusal;
    },
    onMoved: (device, bridge) => steps.push(`${device} in ${bridge}`),
    warn: (message) => steps.push(`warning: ${message}`),
  });
  const begin = (): void =>
    watch.begin({
      links: () => at.links,
      follow: async (ports) => {
        steps.push(`follows [${shown(ports)}]`);
        if (at.fault !== null) throw at.fault;
        if (at.fails) throw new OperatingError(1, 'nft said no');
      },
    });
  const taken = async (): Promise<string[]> => {
    await vi.advanceTimersByTimeAsync(0);
    return steps.splice(0);
  };
  return { watch, at, begin, taken };
}

describe('the watch on ports', () => {
  it('follows a device into a bridge and out of it', async () => {
    const { watch, at, begin, taken } = world();
    begin();
    expect(await taken()).toEqual(['follows []']);
    at.ports.set('p1', 'br0');
    watch.look();
    watch.look();
    expect(await taken()).toEqual(['p1 in br0', 'follows [p1 of br0]']);
    at.ports.delete('p1');
    watch.look();
    expect(await taken()).toEqual(['p1 in null', 'follows []']);
    expect(watch.warnings).toEqual([]);
    watch.close();
    watch.look();
    expect(await taken()).toEqual([]);
  });

  it('refuses at the start, and for a link that comes, what rules cannot meet', async () => {
    const { watch, at } = world();
    at.ports.set('p1', 'br0');
    expect([...(await watch.find(LAN, LAN))]).toEqual([['p1', 'br0']]);
    at.calls = OFF;
    const refused = expect.objectContaining({
      exitCode: 3,
      message: expect.stringMatching(
        /^link lan would shape nothing: p1 is a port of the bridge br0: the kernel/,
      ),
      hint: expect.stringContaining('sysctl -w net.bridge.bridge-nf-call-iptables=1'),
    });
    await expect(watch.find(LAN, LAN)).rejects.toEqual(refused);
    // What was there before is not refused with it.
    expect([...(await watch.find(LAN, linksOf('wan: { device: x, up: 1mbit }')))]).toEqual([]);
    at.calls = ON;
    const links = [...LAN, ...linksOf('br: { device: br0, up: 1mbit }')];
    await expect(watch.find(links, links.slice(1))).rejects.toThrow(
      /^link lan would shape nothing: .*of br0/,
    );
  });

  it('says what passes by while br_netfilter is off, and follows when it is on again', async () => {
    const { watch, at, begin, taken } = world();
    at.ports.set('p1', 'br0');
    await watch.find(LAN, LAN);
    begin();
    expect(await taken()).toEqual(['follows [p1 of br0]']);
    at.calls = OFF;
    await vi.advanceTimersByTimeAsync(10_000);
    const off = expect.stringMatching(/^packets pass by unshaped: p1 is .*call-iptables is 0; sysctl/);
    expect(await taken()).toEqual([
      'follows []',
      expect.stringMatching(/^warning: packets pass by unshaped/),
      'follows []',
    ]);
    expect(watch.warnings).toEqual([off]);
    at.calls = ON;
    await vi.advanceTimersByTimeAsync(5000);
    expect(await taken()).toEqual(['follows [p1 of br0]']);
    expect(watch.warnings).toEqual([]);
  });

  it('warns where rules fail to follow, tries again, and warns of gaps once', async () => {
    const { watch, at, begin, taken } = world();
    at.links = linksOf('lan: { device: p1, up: 1gbit }');
    at.ports.set('p1', 'br0');
    at.fails = true;
    begin();
    const [moved, follows, warning] = await taken();
    expect([moved, follows]).toEqual(['p1 in br0', 'follows [p1 of br0]']);
    expect(warning).toContain('rules could not follow: nft said no; the next look tries again');
    expect(watch.warnings).toHaveLength(1);
    at.fails = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(watch.warnings).toEqual([]);
    expect(await taken()).toEqual([
      'follows [p1 of br0]',
      expect.stringMatching(/^warning: what this host sends or routes by p1/),
      'follows [p1 of br0]',
    ]);
  });

  it('asks once whether bridges can have rules, before packets wait here and elsewhere afterwards', async () => {
    const { watch, at, begin, taken } = world('nft', 'Operation not supported');
    begin();
    await taken();
    at.ports.set('p1', 'br0');
    watch.look();
    expect(await taken()).toEqual([
      'tries hooks elsewhere',
      'p1 in br0',
      'follows []',
      expect.stringContaining('no queueing rules in bridges here (Operation not supported)'),
    ]);
    await expect(watch.find(LAN, LAN)).rejects.toThrow(/^link lan would shape nothing: .*no queueing rules/);
    expect(await taken()).toEqual([]);
    const early = world('nft');
    early.at.ports.set('p1', 'br0');
    await early.watch.find(LAN, LAN);
    expect(await early.taken()).toEqual(['tries hooks']);
  });

  it('looks again after a fault, which ends an instance as any unhandled error does', async () => {
    const { watch, at, begin, taken } = world();
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    const faults: unknown[] = [];
    process.on('unhandledRejection', (error) => faults.push(error));
    try {
      begin();
      at.fault = new TypeError('nobody thought of that');
      await taken();
      vi.useRealTimers();
      await new Promise((resolve) => setImmediate(resolve));
      expect(faults).toEqual([at.fault]);
      at.fault = null;
      watch.look();
      await new Promise((resolve) => setImmediate(resolve));
      vi.useFakeTimers();
      expect(await taken()).toEqual(['follows []']);
    } finally {
      process.removeAllListeners('unhandledRejection');
      for (const listener of others) process.on('unhandledRejection', listener);
    }
  });
});
