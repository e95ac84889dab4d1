/** Every built-in module as the program reads it: by its name, with options as users write them. */
import { describe, expect, test } from 'vitest';
import { BUILT_IN } from '../../../src/built-in/index.ts';
import type { InterestContext } from '../../../src/config/modules/interest.ts';
import { readOptions } from '../../../src/config/modules/options.ts';
import { moduleSpecOf } from '../../../src/config/modules/spec.ts';
import { loadModule } from '../../../src/io/modules/loader.ts';
import { definitionFaults } from '../../../src/modules/definition.ts';

const CONTEXT: InterestContext = {
  hosts: { lan: null, identify: 'mac', names: [], leases: [], reverseDns: false },
  ownMarkMask: 0,
  accounts: null,
};

/** Options that must be given. */
const GIVEN: Readonly<Record<string, Record<string, unknown>>> = {
  'itm-route': { self: '10.0.0.1', neighbours: '10.0.0.2,10.0.0.3', destinations: ['10.9.0.0/16@10.0.0.9'] },
  delay: { delay: '10ms' },
  'elastic-tunnel': { peer: '192.0.2.2', match: 'dst=10.2.0.0/16,proto=tcp|udp', target: '8mbit' },
};

describe.each(Object.keys(BUILT_IN))('%s', (name) => {
  test('is a module whose label is its name, with options and an interest that can be read', async () => {
    const { definition, source } = await loadModule(name, '/');
    expect([definition.label, source, definitionFaults(definition)]).toEqual([name, 'built in', []]);
    expect(definition.about).toMatch(/^[a-z]/);
    const options = readOptions(definition, GIVEN[name] ?? {});
    const spec = moduleSpecOf(definition, name, { run: null, priority: 100 }, options, CONTEXT);
    expect(spec.name).toBe(name);
    expect(spec.interest === null || spec.interest.length > 0).toBe(true);
  });
});
