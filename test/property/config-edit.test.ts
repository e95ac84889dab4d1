/**
 * An edited document, as it is saved, is read as the same configuration, and the differences of two
 * configurations are empty exactly if they mean the same.
 */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError, type LoadedConfig, loadConfig } from '../../src/config/config.ts';
import {
  ConfigDocument,
  ConfigEditError,
  configChanges,
  type MergePatch,
} from '../../src/config/edit/document.ts';
import type { ClassSpec } from '../../src/spec/spec.ts';
import { runs } from '../effort.ts';
import { randomConfig } from './random-config.ts';

const SEED = Number(process.env.SEED ?? 73);
const ROOT = new URL('../../', import.meta.url);
const EXAMPLES = [
  'shaper.yaml',
  ...readdirSync(new URL('examples', ROOT), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `examples/${name}`),
];

/** With anchors, both, short forms, empty classes, comments in every place. */
const AWKWARD = `# head

# of links
links:   # these
  a:
    device: eth0   # dev
    # about both
    both: &tree
      rate: { up: 20mbit, down: 30mbit } # rates
      classes:
        # one
        one: &one
          ceil: { up: 5mbit, down: 80% }
          # of one
          queue: &short { limit: 50ms, aqm: { red: { min: 8ms, max: 25ms } } }  # short

        # two
        two: *one
        up: { match: { inside: 10.0.0.0/8 }, each: { by: host, rate: { up: 1mbit, down: 2mbit } }, queue: *short }
        three:
          rate: 2mbit
          classes:
            x: { queue: *short,  # within
                 weight: 2 }
            default: # none
            # end of three
        # end of classes
  b:
    device: eth1
    wait: true
    both: *tree
  c: { device: eth2, up: 5mbit, down: { rate: 6mbit, classes: { k: , l: { match: { dport: [80, 443] } } } } }
# end
`;

interface Edit {
  readonly kind: 'patch' | 'add' | 'remove' | 'move' | 'rename';
  /** Which of the paths of the moment. */
  readonly at: number;
  readonly to: number;
  readonly name: string;
  readonly patch: MergePatch;
  readonly isFirst: boolean;
}

const oneOf = fc.constantFrom;
const patch: fc.Arbitrary<MergePatch> = fc.record(
  {
    ceil: oneOf('1mbit', '3mbit', '50%', null),
    rate: oneOf('200kbit', '1%', null),
    weight: oneOf(1, 2.5, '3', null),
    priority: oneOf(0, 3, 7),
    burst: oneOf('9kB', '40ms', null),
    match: oneOf<MergePatch[string][]>(
      { dport: 80 },
      { proto: 'udp', dport: [53, '60-70'] },
      [{ dscp: 'ef' }, { src: 'fd00::/8' }],
      null,
    ),
    police: oneOf<MergePatch[string][]>({ rate: '1mbit' }, { rate: '2mbit', exceed: 'mark' }, null),
    each: oneOf<MergePatch[string][]>(
      { by: 'host', rate: '300kbit' },
      { by: 'flow', rate: '1mbit', burst: '30ms' },
      { exceed: 'drop' },
      null,
    ),
    queue: oneOf<MergePatch[string][]>(
      { limit: '50ms' },
      { limit: '70kB', aqm: { red: { min: '5ms', max: '20ms' } } },
      { aqm: 'pie' },
      { aqm: { codel: { target: '9ms' } }, limit: null },
      null,
    ),
    remark: oneOf<MergePatch[string][]>('ef', 0, null),
  },
  { requiredKeys: [] },
);
const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    kind: oneOf('patch', 'patch', 'add', 'remove', 'move', 'rename'),
    at: fc.nat(100),
    to: fc.nat(100),
    name: oneOf('n', 'web', 'up', 'z-1'),
    patch,
    isFirst: fc.boolean(),
  }) as fc.Arbitrary<Edit>,
  { minLength: 1, maxLength: 6 },
);

function nodesOf({ spec }: LoadedConfig): ClassSpec[] {
  const within = (node: ClassSpec | null): ClassSpec[] =>
    node ? [node, ...node.children.flatMap(within)] : [];
  return spec.links.flatMap(({ up, down }) => [...within(up), ...within(down)]);
}

/** Applies the edit, or gives null if it is refused. */
function edited(
  document: ConfigDocument,
  { kind, at, to, name, patch: values, isFirst }: Edit,
): ConfigDocument | null {
  const nodes = nodesOf(document.load());
  const pick = (i: number): ClassSpec => nodes[i % nodes.length]!;
  const path = pick(at).path;
  const parent = path.slice(0, path.lastIndexOf('/'));
  const first = pick(to).children[0]?.name;
  const before = isFirst && first !== undefined ? first : undefined;
  try {
    const result = {
      patch: () => document.patchClass(path, values),
      add: () => document.addClass(`${pick(to).path}/${name}`, values, before),
      remove: () => document.removeClass(path),
      move: () => document.moveClass(path, `${pick(to).path}/${pick(at).name}`, before),
      rename: () => document.moveClass(path, `${parent}/${name}`),
    }[kind]();
    result.load();
    return result;
  } catch (error) {
    if (!(error instanceof ConfigEditError)) throw error;
    expect(error.message.length).toBeGreaterThan(5);
    expect(error.problems.every(({ message }) => !message.startsWith('the file '))).toBe(true);
    return null;
  }
}

const meaningOf = ({
  spec,
  isMarkAuto,
  socketPath,
  socketGroup,
  logLevel,
  schedules,
}: LoadedConfig): unknown => ({
  ...{ links: spec.links, local: spec.local, isMarkAuto, socketPath, socketGroup, logLevel, schedules },
  nfqueue: { ...spec.nfqueue, markMask: isMarkAuto ? 0 : spec.nfqueue.markMask },
});

/** Classes that an edit has no business with. */
function expectOthersAlike(before: LoadedConfig, after: LoadedConfig, { kind, at }: Edit): void {
  const nodes = nodesOf(before);
  const direction = nodes[at % nodes.length]!.path.split('/').slice(0, 2).join('/');
  const others = ({ spec }: LoadedConfig) =>
    spec.links.flatMap(({ up, down }) => [up, down]).filter((root) => root?.path !== direction);
  if (kind !== 'add') expect(others(after)).toEqual(others(before));
}

/** Makes the edits one after the other, saves what comes of them and reads it again. */
function expectSavedAlike(start: ConfigDocument, list: readonly Edit[]): { taken: number; refused: number } {
  const text = start.text();
  const first = start.load();
  let [document, taken] = [start, 0];
  for (const edit of list) {
    const next = edited(document, edit);
    if (next === null) continue;
    taken += 1;
    expectOthersAlike(document.load(), next.load(), edit);
    document = next;
  }
  const last = document.load();
  const saved = document.text();
  const again = loadConfig(saved, 'saved.yaml');
  expect(meaningOf(again)).toEqual(meaningOf(last));
  expect(configChanges(last, again)).toEqual([]);
  expect(ConfigDocument.parse(saved, 'saved.yaml').text()).toBe(saved);
  const isSame = JSON.stringify(meaningOf(first)) === JSON.stringify(meaningOf(last));
  expect(configChanges(first, last).length === 0).toBe(isSame);
  expect(start.text()).toBe(text);
  return { taken, refused: list.length - taken };
}

describe.each([
  ['awkward', AWKWARD] as const,
  ...EXAMPLES.map((name) => [name, readFileSync(new URL(name, ROOT), 'utf8')] as const),
])('%s', (name, text) => {
  it('edited at random, saved and read again', { timeout: 120_000 }, () => {
    let [taken, refused] = [0, 0];
    fc.assert(
      fc.property(edits, (list) => {
        const start = ConfigDocument.parse(text, name);
        const counts = expectSavedAlike(start, list);
        expect(start.text()).toBe(text);
        taken += counts.taken;
        refused += counts.refused;
      }),
      { seed: SEED, numRuns: runs(name === 'awkward' ? 80 : 12) },
    );
    expect(Math.min(taken, refused)).toBeGreaterThan(0);
  });
});

it('random configurations, edited at random, saved and read again', { timeout: 120_000 }, () => {
  let [good, taken] = [0, 0];
  fc.assert(
    fc.property(randomConfig, edits, (config, list) => {
      const start = ConfigDocument.parse(JSON.stringify(config), 'random.yaml');
      try {
        start.load();
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        return;
      }
      good += 1;
      taken += expectSavedAlike(start, list).taken;
    }),
    { seed: SEED, numRuns: runs(200) },
  );
  expect(good).toBeGreaterThan(20);
  expect(taken).toBeGreaterThan(20);
});

it('limits and thresholds that are times follow the ceil, in leaves and in the buckets of each', () => {
  const values = fc.record({
    ceil: oneOf('1mbit', '2mbit', '7mbit', '40%'),
    limit: oneOf('50ms', '400ms', '90kB', '100p'),
    red: oneOf<MergePatch[]>({ min: '10ms', max: '30ms' }, { max: '40ms' }, {}, { min: '6kB', max: '20kB' }),
    each: oneOf<MergePatch[string][]>(null, { by: 'host', rate: '500kbit' }, { by: 'flow', rate: '1mbit' }),
  });
  const asPatch = ({
    ceil,
    limit,
    red,
    each,
  }: {
    ceil: string;
    limit: string;
    red: MergePatch;
    each: MergePatch[string];
  }) => ({
    ...{ ceil, each, queue: { limit, aqm: { red } } },
  });
  const file = (patch_: object) =>
    JSON.stringify({ links: { w: { device: 'e', up: { rate: '10mbit', classes: { a: patch_ } } } } });
  const load = (text: string): LoadedConfig | null => {
    try {
      return loadConfig(text, 'x');
    } catch {
      return null;
    }
  };
  let good = 0;
  fc.assert(
    fc.property(values, oneOf('1mbit', '3mbit', '9mbit', '70%'), (start, ceil) => {
      const { each, ...others } = asPatch(start);
      const written = each === null ? others : { ...others, each };
      const before = load(file(written));
      const expected = load(file({ ...written, ceil }));
      if (before === null || expected === null) return;
      good += 1;
      const after = ConfigDocument.parse(file(written), 'x').patchClass('w/up/a', { ceil });
      expect(after.load().spec).toEqual(expected.spec);
      expect(loadConfig(after.text(), 'y').spec).toEqual(expected.spec);
      const told = configChanges(before, expected).map(({ key, old, new: now }) => ({ key, old, new: now }));
      const isSame = JSON.stringify(before.spec) === JSON.stringify(expected.spec);
      expect(told).toEqual(isSame ? [] : [{ key: 'ceil', old: start.ceil, new: ceil }]);
    }),
    { seed: SEED, numRuns: runs(400) },
  );
  expect(good).toBeGreaterThan(30);
});
