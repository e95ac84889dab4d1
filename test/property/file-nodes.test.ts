/** The table of nodes against a slow twin that keeps whole paths and walks all of them at each change. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NodeTable } from '../../src/files/fuse/nodes.ts';

interface TwinNode {
  readonly id: number;
  /** null: removed. */
  path: string | null;
  lookups: number;
}

/** Every node that the kernel was given and has not forgotten, with its whole path. */
class Twin {
  nodes: TwinNode[] = [{ id: 1, path: '', lookups: 1 }];

  pathOf(id: number): string | null {
    return this.nodes.find((node) => node.id === id)?.path ?? null;
  }

  known(path: string): TwinNode | undefined {
    return this.nodes.find((node) => node.path === path);
  }

  give(path: string, id: number): void {
    const node = this.known(path);
    if (node) node.lookups++;
    else this.nodes.push({ id, path, lookups: 1 });
  }

  forget(id: number, count: number): void {
    const node = this.nodes.find((one) => one.id === id)!;
    node.lookups -= count;
    this.nodes = this.nodes.filter(({ lookups }) => lookups > 0);
  }

  remove(path: string): void {
    for (const node of this.nodes)
      if (node.path === path || node.path?.startsWith(`${path}/`)) node.path = null;
  }

  rename(from: string, to: string): void {
    if (from === to) return;
    this.remove(to);
    for (const node of this.nodes) {
      if (node.path === from) node.path = to;
      else if (node.path?.startsWith(`${from}/`)) node.path = to + node.path.slice(from.length);
    }
  }
}

const step = fc.record({
  what: fc.constantFrom('give', 'give', 'give', 'forget', 'remove', 'rename'),
  /** Which of the nodes that the kernel has. */
  one: fc.nat(),
  other: fc.nat(),
  name: fc.constantFrom('a', 'b', 'c'),
  newName: fc.constantFrom('a', 'b', 'c'),
  count: fc.nat(),
});

const pathIn = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`);

test('the kernel finds the same nodes at the same paths', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const table = new NodeTable();
      const twin = new Twin();
      const given = new Set([1]);
      for (const { what, one, other, name, newName, count } of steps) {
        const node = twin.nodes[one % twin.nodes.length]!;
        const target = twin.nodes[other % twin.nodes.length]!;
        if (what === 'forget') {
          // The kernel never forgets the root, nor a directory before what it has of the inside.
          const isHolder = twin.nodes.some(
            ({ path }) => node.path !== null && path?.startsWith(`${node.path}/`),
          );
          if (node.id === 1 || isHolder) continue;
          const times = (count % node.lookups) + 1;
          table.forget(node.id, times);
          twin.forget(node.id, times);
        } else if (node.path === null) continue;
        else if (what === 'give') {
          const path = pathIn(node.path, name);
          const known = twin.known(path);
          const id = table.give(node.id, name, 'dir');
          if (known) expect(id).toBe(known.id);
          else expect(given.has(id)).toBe(false);
          given.add(id);
          twin.give(path, id);
        } else if (what === 'remove') {
          table.remove(node.id, name);
          twin.remove(pathIn(node.path, name));
        } else if (target.path !== null) {
          const from = pathIn(node.path, name);
          const to = pathIn(target.path, newName);
          // The kernel moves no directory into itself, and nothing onto a directory that holds it.
          if (to.startsWith(`${from}/`) || from.startsWith(`${to}/`)) continue;
          table.rename(node.id, name, target.id, newName);
          twin.rename(from, to);
        }
        for (const { id } of twin.nodes) expect(table.pathOf(id)).toBe(twin.pathOf(id));
      }
      // What is forgotten as a whole leaves nothing behind, in whatever order.
      for (const { id, lookups } of twin.nodes) if (id !== 1) table.forget(id, lookups);
      expect(table.size).toBe(1);
    }),
    { numRuns: 300 },
  );
});

test('a name of another kind is another node', () => {
  const table = new NodeTable();
  const dir = table.give(1, 'a', 'dir');
  const link = table.give(1, 'a', 'link');
  expect(link).not.toBe(dir);
  expect([table.pathOf(dir), table.pathOf(link)]).toEqual([null, 'a']);
});
