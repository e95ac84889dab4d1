import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Projects whose files take longest: they start first, beside the many short ones. */
const LONGEST_FIRST = ['emulated', 'beside', 'slow', 'alone'];
/** Files that would end long after all others of their project. Without a cache vitest goes by sizes. */
const LONG_FILES = /\/(attach|builds\.slow|elastic-tunnel|ends|live|nft)\.test\.ts$/;

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const rank = ({ project, moduleId }: TestSpecification): number =>
      [...LONGEST_FIRST, project.name].indexOf(project.name) + (LONG_FILES.test(moduleId) ? 0 : 0.5);
    return sorted.sort((a, b) => rank(a) - rank(b));
  }
}

/** Skips tests on real packets where they cannot run. */
const RUNNER = './test/skip-runner.ts';

/** One more than processors: an emulated machine and tests on real packets wait now and then. */
const WORKERS = availableParallelism() + 1;

/** Waits for conditions end by themselves after 30 or 60 s and say what did not come; this is for the rest. */
const PATIENCE = { testTimeout: 240_000, hookTimeout: 240_000 };

/** At the same time; nothing here measures time. The limit is for a machine that is busy with something else. */
const TOGETHER = { ...PATIENCE, maxWorkers: WORKERS, sequence: { groupOrder: 0 } };

/**
 * A busy machine can make any packet late. What fails is repeated, and the report names what passed only then.
 */
const REAL_PACKETS = { ...PATIENCE, runner: RUNNER, retry: 2 };

/** Afterwards, each in network namespaces of its own. Most of their time they wait. */
const SEVERAL = { ...REAL_PACKETS, maxWorkers: WORKERS, sequence: { groupOrder: 1 } };

/**
 * At last, two at a time: these tests measure. Each loads a processor little, and its limits hold on a machine
 * on which ten processes want two processors.
 */
const TWO = { ...REAL_PACKETS, maxWorkers: 2, sequence: { groupOrder: 2 } };

/** Tests that change what all files of a process share: a module that they replace, a flag of V8. */
const ALONE = ['test/sim/allocation.test.ts', 'test/sim/fair-full.test.ts'];

/** Tests on real packets that look at what happens, however busy the machine is. */
const BESIDE = [
  'test/netns/{bench*,native,native-sockets,rules}.test.ts',
  'test/netns/stories/{devices,files,neighbours,uplinks}.test.ts',
];
/**
 * Tests on real packets that count packets, and give limits of rate and time that only a very busy machine
 * would exceed.
 */
const COUNTS = [
  'test/netns/{answers,lab,native-hosts,run}.test.ts',
  'test/netns/stories/{attach,built-in,module-config,control,counting,device-changes,edit-trial,elastic-tunnel,ends,flows,guide}.test.ts',
  'test/netns/stories/{kills,live,live-rates,local,modules,neighbour-macs,owners,pacing,too-big}.test.ts',
  'test/netns/stories/{packets,page-browser,programs,quota,reloads,remark,rootless,standstill,starts,trouble}.test.ts',
];
const EMULATED = 'test/netns/emulated/**/*.test.ts';

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    reporters: ['./test/notes-reporter.ts', 'default'],
    projects: [
      {
        test: {
          ...TOGETHER,
          name: 'fast',
          include: ['test/{tidy,unit,property,port,sim,vectors}/**/*.test.ts'],
          exclude: ['**/*.slow.test.ts', ...ALONE],
          // Starting a process and loading the modules costs more than most files do.
          isolate: false,
        },
      },
      { test: { ...TOGETHER, name: 'alone', include: ALONE } },
      // What test:fast leaves to npm test: compilers, benches, simulated minutes.
      { test: { ...TOGETHER, name: 'slow', include: ['test/**/*.slow.test.ts'] } },
      { test: { ...TOGETHER, name: 'emulated', include: [EMULATED], runner: RUNNER, retry: 1 } },
      { test: { ...TOGETHER, name: 'beside', include: BESIDE, runner: RUNNER, retry: 2 } },
      { test: { ...SEVERAL, name: 'counts', include: COUNTS } },
      {
        test: {
          ...TWO,
          name: 'netns',
          include: ['test/netns/**/*.test.ts'],
          exclude: [EMULATED, ...BESIDE, ...COUNTS],
        },
      },
    ],
  },
});
