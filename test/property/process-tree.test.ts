/** Which rules processes have, of themselves and of their ancestors, against a twin that forgets nothing. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ProcessRule, ProcessTree } from '../../src/control/subjects/process-tree.ts';
import { runs } from '../effort.ts';
import { type TrueProcess, trueOwn, trueRules } from '../oracle/process-rules.ts';
import { FakeProcesses } from '../unit/control/subjects/fake-machine.ts';

const SEED = Number(process.env.SEED ?? 12);
const NAMES = ['rsync', 'curl', 'sh'];
/** So few numbers that they are given again soon. */
const PIDS = 12;
/** A scan of this many reads every process anew. */
const SCANS_UNTIL_ALL = 10;

const which = fc.nat({ max: 1000 });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('fork' as const), which }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('end' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('exec' as const), which }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('attach' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('attach-name' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('match-name' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('detach' as const), which }) },
);

class World {
  readonly processes = new FakeProcesses();
  readonly tree = new ProcessTree(this.processes);
  live: TrueProcess[] = [];
  rules: ProcessRule[] = [];
  #ids = 0;

  constructor() {
    this.#begin(1, null, 'init');
  }

  take(action: typeof step extends fc.Arbitrary<infer T> ? T : never): void {
    const { live, rules } = this;
    const chosen = live[action.which % live.length]!;
    const name = NAMES[action.which % NAMES.length]!;
    if (action.do === 'fork') this.#fork(chosen, action.which);
    else if (action.do === 'end') this.#end(chosen);
    else if (action.do === 'exec') this.#exec(chosen, name);
    else if (action.do === 'detach') this.rules = rules.filter((_, i) => i !== action.which % rules.length);
    else if (action.do === 'attach') {
      const { pid, startTicks } = chosen;
      this.#rule(false, true, (one) => one.pid === pid && one.startTicks === startTicks);
    } else this.#rule(true, action.do === 'attach-name', (one) => one.exe === `/usr/bin/${name}`);
  }

  #rule(isOfProgram: boolean, isInherited: boolean, matches: ProcessRule['matches']): void {
    const id = ++this.#ids;
    this.rules.push({ id, order: (isOfProgram ? 1000 : 0) - id, isInherited, matches });
    this.tree.setRules(this.rules, true);
  }

  #begin(pid: number, parent: TrueProcess | null, name: string): void {
    const { startTicks } = this.processes.add(pid, { parent: parent?.pid ?? 0, name });
    this.live.push({ pid, startTicks, name, parent, isAlive: true, last: [] });
  }

  #fork(parent: TrueProcess, seed: number): void {
    const free = Array.from({ length: PIDS }, (_, i) => 2 + ((seed + i) % PIDS));
    const pid = free.find((one) => !this.processes.all.has(one));
    if (pid !== undefined) this.#begin(pid, parent, parent.name);
  }

  #end(one: TrueProcess): void {
    if (one.pid === 1) return;
    one.last = trueOwn(one, this.rules);
    one.isAlive = false;
    this.processes.end(one.pid);
    this.live = this.live.filter((other) => other !== one);
  }

  #exec(one: TrueProcess, name: string): void {
    one.name = name;
    this.processes.change(one.pid, { name, exe: `/usr/bin/${name}` });
    for (let i = 1; i < SCANS_UNTIL_ALL; i++) this.tree.scan();
  }
}

test('every process has the rules of itself, then those of its ancestors, whoever of them has ended', () => {
  let inherited = 0;
  let ofEnded = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const world = new World();
      for (const one of steps) {
        world.take(one);
        world.tree.setRules(world.rules, true);
        world.tree.scan();
        const found = new Map(world.tree.tracked().map(({ process, rules }) => [process.pid, rules]));
        for (const process of world.live) {
          const rules = trueRules(process, world.rules);
          expect(found.get(process.pid) ?? [], `of process ${process.pid}`).toEqual(rules);
          const own = trueOwn(process, world.rules).length;
          if (rules.length > own) inherited += 1;
          if (rules.length > own && process.parent?.isAlive === false) ofEnded += 1;
        }
        expect([...found.keys()].filter((pid) => !world.processes.all.has(pid))).toEqual([]);
      }
    }),
    { seed: SEED, numRuns: runs(400) },
  );
  expect(inherited, 'the runs reach the interesting part').toBeGreaterThan(runs(400));
  expect(ofEnded).toBeGreaterThan(runs(400) / 4);
});
