import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/config.ts';
import { listClasses } from '../../../src/core/classes/classes.ts';
import { PacingGate } from '../../../src/live/pacing-gate.ts';
import { planQueues } from '../../../src/spec/queue-plan.ts';
import type { ShaperSpec } from '../../../src/spec/spec.ts';

const spec = (text: string): ShaperSpec => loadConfig(`links: { wan: { device: wan0, ${text} } }`, 'x').spec;
const PACED = spec(
  'down: { rate: 20mbit, classes: { web: { ceil: 8mbit, tcp: { pace: true } }, rest: { adjust: true } } }',
);
const PLAIN = spec('down: { rate: 20mbit, classes: { web: { ceil: 8mbit }, rest: { adjust: true } } }');
const REFUSED = { outcome: 'refused' } as const;
const paced = (of: ShaperSpec): string[] =>
  listClasses(of).flatMap(({ path, spec: { pace } }) => (pace === null ? [] : [path]));

describe('where the kernel takes edited packets', () => {
  it('a specification stays as it is, and there is nothing to tell', () => {
    const gate = new PacingGate({ outcome: 'taken' });
    expect(gate.admit(PACED)).toBe(PACED);
    expect([gate.settle(PACED), ...gate.warnings]).toEqual([null]);
  });
});

describe('where the kernel refuses edited packets', () => {
  it('classes are shaped without pacing, and nothing is fetched for it', () => {
    const admitted = new PacingGate(REFUSED).admit(PACED);
    expect([paced(PACED), paced(admitted)]).toEqual([['wan/down/web'], []]);
    expect(listClasses(admitted).map(({ path }) => path)).toEqual(listClasses(PACED).map(({ path }) => path));
    expect(planQueues(admitted).directions).toEqual(planQueues(PLAIN).directions);
    expect(planQueues(admitted).copyBytes).toEqual(planQueues(PLAIN).copyBytes);
  });

  it('a specification without pacing stays as it is', () => {
    const gate = new PacingGate(REFUSED);
    expect(gate.admit(PLAIN)).toBe(PLAIN);
    expect([gate.settle(PLAIN), ...gate.warnings]).toEqual([null]);
  });

  it('warns while there are such classes, and says it anew when they come or change', () => {
    const gate = new PacingGate(REFUSED);
    const text = expect.stringMatching(/^tcp\.pace is off in wan\/down\/web: edited packets get lost here/);
    expect(gate.settle(PACED)).toEqual(text);
    expect(gate.warnings).toEqual([text]);
    expect(gate.settle(PACED)).toBeNull();
    expect(gate.warnings).toEqual([text]);
    const other = spec(
      'down: { rate: 20mbit, classes: { web: { ceil: 8mbit, tcp: { pace: { delay: 50ms } } }, rest: {} } }',
    );
    expect(gate.settle(other)).toEqual(text);
    expect(gate.settle(PLAIN)).toBeNull();
    expect(gate.warnings).toEqual([]);
  });

  it('names three classes at most', () => {
    const classes = [1, 2, 3, 4, 5].map(
      (port) => `c${port}: { match: { dport: ${port} }, tcp: { pace: true } }`,
    );
    const many = spec(`up: { rate: 9mbit, classes: { ${classes.join(', ')} } }`);
    expect(new PacingGate(REFUSED).settle(many)).toMatch(
      / wan\/up\/c1, wan\/up\/c2, wan\/up\/c3 and 2 more: /,
    );
  });
});

it('what nobody could try is not used, and the warning says why', () => {
  const gate = new PacingGate({ outcome: 'unknown', reason: 'no lo' });
  expect(paced(gate.admit(PACED))).toEqual([]);
  expect(gate.settle(PACED)).toMatch(
    /^tcp\.pace is off in wan\/down\/web: whether .* is unknown \(no lo\), so /,
  );
});
