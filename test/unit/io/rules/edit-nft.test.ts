import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editLines, leftoverLines } from '../../../../src/io/rules/edit-nft.ts';
import { chainLines, claimLines, type RulesRequest } from '../../../../src/io/rules/render-nft.ts';
import type { DirectionPlan } from '../../../../src/spec/queue-plan.ts';

const DEVICES = ['wan0', 'wan1', 'lan0', 'br0'];

function request(
  directions: readonly DirectionPlan[],
  dscps: readonly number[] = [],
  more: Partial<RulesRequest> & { bypass?: boolean } = {},
): RulesRequest {
  const { bypass = true, ...rest } = more;
  const queues = new Array(8).fill(false);
  return {
    plan: {
      ...{ directions, dscps, ecn: true, moduleNfqueue: null, unreadNfqueue: 65535, sharesChains: false },
      ...{ gso: queues, copyBytes: queues.map(() => 128) },
    },
    nfqueue: {
      ...{ first: 100, count: 8, length: 1024, markMask: 0xff000000 },
      ...{ bypass, gso: 'auto' as const, backend: 'auto' as const },
    },
    ...rest,
  };
}

const linesOf = (wanted: RulesRequest): string[] => [...claimLines(wanted), ...chainLines(wanted, 'nft')];

const UP: DirectionPlan = { device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: null };
const DOWN: DirectionPlan = { device: 'wan0', direction: 'down', nfqueue: 1, fastNfqueue: null };

/** What a kernel has: elements of sets, rules of chains. It does as nf_tables does with each command. */
class PretendedTables {
  readonly sets = new Map<string, string[]>();
  readonly chains = new Map<string, string[]>();
  readonly hooks = new Set<string>();

  run(lines: readonly string[]): void {
    for (const line of lines) {
      if (line.startsWith('#')) continue;
      const [verb, kind, ...words] = line.split(' ');
      const key = words.slice(0, 3).join(' ');
      const into = kind === 'set' || kind === 'element' ? this.sets : this.chains;
      if (kind === 'table') continue;
      if (verb === 'add' && (kind === 'set' || kind === 'chain')) {
        into.set(key, into.get(key) ?? []);
        if (line.includes(' hook ')) this.hooks.add(key);
      } else if (verb === 'flush') this.contents(into, key).splice(0);
      else if (verb === 'delete') this.delete(key);
      else {
        const target = / (?:goto|jump) (\w+)/.exec(line)?.[1];
        if (target) this.contents(this.chains, key.replace(/\S+$/, target));
        this.contents(into, key).push(line);
      }
    }
  }

  private contents(into: Map<string, string[]>, key: string): string[] {
    const found = into.get(key);
    if (!found) throw new Error(`${key} does not exist`);
    return found;
  }

  private delete(key: string): void {
    if (this.hooks.has(key)) throw new Error(`${key}: every held packet would be dropped`);
    const name = new RegExp(` (goto|jump) ${key.split(' ')[2]}( |,|$)`);
    for (const rules of this.chains.values())
      if (rules.some((rule) => name.test(rule))) throw new Error(`${key} is in use`);
    this.contents(this.chains, key);
    this.chains.delete(key);
  }

  get state(): unknown {
    const sorted = (map: Map<string, string[]>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
    return { sets: sorted(this.sets), chains: sorted(this.chains) };
  }
}

const anyRequest: fc.Arbitrary<RulesRequest> = fc
  .record({
    directions: fc.uniqueArray(
      fc.record({
        device: fc.constantFrom(...DEVICES),
        direction: fc.constantFrom('up' as const, 'down' as const),
        nfqueue: fc.nat(3),
        fastNfqueue: fc.option(fc.integer({ min: 4, max: 7 })),
      }),
      { selector: ({ device, direction }) => `${device}/${direction}` },
    ),
    dscps: fc.uniqueArray(fc.nat(63), { maxLength: 15 }),
    bypass: fc.boolean(),
  })
  // What has once been installed for a bridge or for connections stays.
  .map(({ directions, dscps, bypass }) =>
    request(directions, dscps, { bypass, sparesSwitched: true, keepsTracking: true }),
  );

describe('from one set of rules to another', () => {
  it('edits what differs and nothing else', () => {
    const [from, to] = [linesOf(request([UP])), linesOf(request([UP, DOWN], [46]))];
    const lines = editLines(from, to);
    expect(lines.filter((line) => /^(add chain|flush)/.test(line))).toEqual([
      'add chain inet shaper_100 dscp_46',
      'add chain inet shaper_100 queue_1',
      'flush chain inet shaper_100 asked',
      'flush chain inet shaper_100 dscp_46',
      'flush chain inet shaper_100 queue_1',
      'flush chain inet shaper_100 forward',
      'flush chain inet shaper_100 input',
    ]);
    expect(lines.join('\n')).not.toMatch(/never_queued [^j]*accept|queue_0 queue|answered/);
    expect(leftoverLines(from, to)).toEqual([]);
    expect(leftoverLines(to, from).at(-1)).toBe('delete chain inet shaper_100 queue_1');
    expect(editLines(to, to)).toEqual([]);
  });

  it('a table for bridges comes with all its chains', () => {
    const [from, to] = [linesOf(request([UP])), linesOf(request([UP], [], { sparesSwitched: true }))];
    expect(editLines(from, to).slice(0, 3)).toEqual([
      'add table bridge shaper_100 { flags owner; }',
      expect.stringMatching(/^add chain bridge shaper_100 switched \{ type filter hook forward/),
      expect.stringMatching(/^add chain bridge shaper_100 left \{/),
    ]);
    // Taken back, a chain with a hook stays, and does nothing.
    expect(leftoverLines(to, from)).toEqual([
      'flush chain bridge shaper_100 switched',
      'flush chain bridge shaper_100 left',
    ]);
  });

  it('ends where a fresh installation would, whatever was before, and leads back', () => {
    fc.assert(
      fc.property(anyRequest, anyRequest, fc.boolean(), (one, other, isDone) => {
        const [from, to] = [linesOf(one), linesOf(other)];
        const kernel = new PretendedTables();
        const fresh = new PretendedTables();
        kernel.run(from);
        if (isDone) {
          kernel.run(editLines(from, to));
          kernel.run(leftoverLines(from, to));
          fresh.run(to);
        } else {
          // An nft that gives no answer may have done it or not.
          kernel.run(editLines(from, to));
          kernel.run(editLines(to, from));
          kernel.run(leftoverLines(to, from));
          fresh.run(from);
        }
        expect(kernel.state).toEqual(fresh.state);
      }),
    );
  });

  it('nft understands the commands', (context) => {
    if (process.getuid?.() !== 0) context.skip('not root');
    const [from, to] = [linesOf(request([UP])), linesOf(request([DOWN], [46, 10]))];
    // The native queue statement is not everywhere.
    const lines = [...from, ...editLines(from, to), ...leftoverLines(from, to)].map((line) =>
      line.replace(/ queue flags bypass to \d+/, ' accept'),
    );
    // In a namespace of its own, so that nothing of this machine is looked at or changed.
    const { stderr } = spawnSync('unshare', ['-n', 'nft', '-c', '-f', '-'], {
      input: lines.join('\n'),
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
  });
});
