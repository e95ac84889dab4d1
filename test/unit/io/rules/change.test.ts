import { describe, expect, it } from 'vitest';
import { type ChangeParts, changeRules } from '../../../../src/io/rules/change.ts';
import { RulesError, type RulesRequest } from '../../../../src/io/rules/index.ts';
import type { Iptables } from '../../../../src/io/rules/iptables.ts';
import type { NftSession } from '../../../../src/io/rules/nft-session.ts';
import { useFakeTools } from './fake-tools.ts';

const IPTABLES: Iptables = {
  families: ['iptables', 'ip6tables'].map((tool) => ({
    ...{ tool, restore: `${tool}-restore`, save: `${tool}-save` },
  })),
};

function request(devices: readonly string[]): RulesRequest {
  return {
    plan: {
      directions: devices.map((device, nfqueue) => ({
        ...{ device, direction: 'up' as const, nfqueue, fastNfqueue: null },
      })),
      ...{ dscps: [], ecn: false, moduleNfqueue: null, unreadNfqueue: 65535, sharesChains: true },
      ...{ gso: devices.map(() => false), copyBytes: devices.map(() => 128) },
    },
    nfqueue: {
      ...{ first: 100, count: devices.length, length: 1024, markMask: 0xff000000 },
      ...{ bypass: true, gso: 'auto' as const, backend: 'auto' as const },
    },
  };
}

const ONE = request(['wan0']);
const TWO = request(['wan0', 'wan1']);

describe('a change of rules', () => {
  const tools = useFakeTools();

  /** Transactions that nft is given go to the log as well. `refuses` has those that fail. */
  function parts(refuses = /^$/, isWanted = (): boolean => true): ChangeParts & { steps: string[] } {
    const steps: string[] = [];
    tools.pretend('nft', 'echo "table inet shaper_100"');
    for (const tool of ['iptables-restore', 'ip6tables-restore'])
      tools.pretend(tool, `sed "s/^/${tool}: /" >>$LOG`);
    const session = {
      run: async (what: string) => {
        steps.push(what);
        if (refuses.test(what)) throw new RulesError('failed', `${what}: refused`);
        return '';
      },
    } as unknown as NftSession;
    const log = { warn: (message: string) => void steps.push(`warning: ${message}`) };
    return {
      session,
      backend: 'iptables',
      iptables: IPTABLES,
      log,
      isWanted,
      onEdit: () => undefined,
      steps,
    };
  }

  /** Rules that one family was told of. */
  const told = (): string[] =>
    tools
      .log()
      .split('\n')
      .filter((line) => /^iptables-restore: -/.test(line))
      .map((line) => line.replace(/^iptables-restore: (-. \w+) .* (\d+) .*$/, '$1 $2'));

  it('claims devices, then adds rules of iptables, then edits the chains; the old ones go at the end', async () => {
    const there = parts();
    const changed = await changeRules(ONE, TWO, there);
    expect(there.steps).toEqual(['claiming devices', 'changing the rules']);
    expect(told()).toEqual(['-I FORWARD 101', '-I OUTPUT 101']);
    await changed.finish();
    expect(told()).toHaveLength(2);
    const back = parts();
    const again = await changeRules(TWO, ONE, back);
    expect(told()).toHaveLength(2);
    await again.finish();
    expect(back.steps).toEqual(['changing the rules', 'deleting chains']);
    expect(told().slice(2)).toEqual(['-D FORWARD 101', '-D OUTPUT 101']);
  });

  it('does nothing where the rules stay the same', async () => {
    const there = parts();
    await (await changeRules(TWO, TWO, there)).finish();
    expect(there.steps).toEqual([]);
    expect(tools.log()).toBe('');
  });

  it('goes back if nft refuses the chains', async () => {
    const there = parts(/changing/);
    await expect(changeRules(ONE, TWO, there)).rejects.toThrow('changing the rules: refused');
    expect(there.steps).toEqual([
      ...['claiming devices', 'changing the rules', 'putting the rules back', 'deleting chains'],
    ]);
    expect(told()).toEqual(['-I FORWARD 101', '-I OUTPUT 101', '-D FORWARD 101', '-D OUTPUT 101']);
  });

  it('goes back if iptables refuses a rule', async () => {
    const there = parts();
    tools.pretend('ip6tables-restore', 'cat >/dev/null; echo no >&2; exit 1');
    await expect(changeRules(ONE, TWO, there)).rejects.toThrow('ip6tables: adding the queue rules: no');
    expect(there.steps).toEqual([
      ...['claiming devices', 'putting the rules back', 'warning: taking out rules of iptables failed'],
    ]);
    expect(told()).toEqual(['-I FORWARD 101', '-I OUTPUT 101', '-D FORWARD 101', '-D OUTPUT 101']);
  });

  it('goes back if another instance shapes a device', async () => {
    const there = parts();
    const listing = 'table inet shaper_200 {\n\tset shaped_devices {\n\t\telements = { "wan1" }\n\t}\n}';
    tools.pretend(
      'nft',
      `case "$*" in *tables*) echo "table inet shaper_200";; *) printf "${listing}";; esac`,
    );
    await expect(changeRules(ONE, TWO, there)).rejects.toMatchObject({
      ...{ code: 'taken', message: expect.stringContaining('wan1 is shaped by the running instance with') },
    });
    expect(there.steps).toEqual(['claiming devices', 'putting the rules back']);
  });

  it('goes back when it is asked to', async () => {
    const there = parts();
    await (await changeRules(ONE, TWO, there)).undo();
    expect(there.steps.slice(2)).toEqual(['putting the rules back', 'deleting chains']);
    expect(told().slice(2)).toEqual(['-D FORWARD 101', '-D OUTPUT 101']);
  });

  it('ends at the next step when the instance stops, and leaves the rest to the stop', async () => {
    let left = 2;
    const there = parts(/^$/, () => left-- > 0);
    await expect(changeRules(ONE, TWO, there)).rejects.toThrow('the instance stops');
    expect(there.steps).toEqual(['claiming devices']);
  });
});
