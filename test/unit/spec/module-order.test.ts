import { expect, it } from 'vitest';
import { inOrder, orderFaults } from '../../../src/spec/module-order.ts';
import type { ModuleSpec } from '../../../src/spec/modules.ts';

const module = (name: string, run: 'user' | 'kernel', priority: number, ...hooks: ModuleSpec['hooks']) => ({
  ...{ name, run, priority, hooks },
});

it('kernel-run first, then by priority, then as they come', () => {
  const modules = [
    ...[
      module('a', 'user', 100),
      module('b', 'user', 5),
      module('c', 'kernel', 100),
      module('d', 'user', 100),
    ],
    ...[module('e', 'kernel', 0)],
  ];
  expect(
    inOrder(modules)
      .map(({ name }) => name)
      .join(''),
  ).toBe('ecbad');
});

it('a kernel-run module behind a user-run one of its hooks is a contradiction', () => {
  const modules = [
    module('u', 'user', 10, 'input', 'postrouting'),
    module('same', 'kernel', 10, 'postrouting'),
    module('elsewhere', 'kernel', 50, 'prerouting'),
    module('behind', 'kernel', 11, 'forward', 'postrouting'),
  ];
  expect(orderFaults(modules)).toEqual([
    {
      name: 'behind',
      message:
        'behind has priority 11 and runs in the kernel, so at postrouting it comes before u, which runs in user space and has 10; give behind 10 or less, or run: user',
    },
  ]);
});
