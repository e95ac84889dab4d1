import { expect, it } from 'vitest';
import { loadConfig } from '../../../../src/config/config.ts';
import { configChanges } from '../../../../src/config/edit/document.ts';

const load = (text: string) => loadConfig(text, 'x.yaml');
const wan = (up: string, more = '') => load(`links: { wan: { device: e, up: ${up} } }\n${more}`);
const told = (before: ReturnType<typeof load>, after: ReturnType<typeof load>) =>
  configChanges(before, after).map(({ path, key, old, new: now }) => `${path} ${key}: ${old} -> ${now}`);

it('tells what was written, not what follows from it', () => {
  const tree = (ceil: string) =>
    wan(
      `{ rate: 9mbit, classes: { a: { ceil: ${ceil}, classes: { x: { ceil: 50%, queue: { limit: 50ms } }, y: } } } }`,
    );
  expect(told(tree('80%'), tree('4mbit'))).toEqual(['wan/up/a ceil: 80% -> 4mbit']);
  expect(told(tree('8mbit'), tree('8000kbit'))).toEqual([]);
});

it('goes as deep as maps were written before and after', () => {
  const tree = (values: string) => wan(`{ rate: 9mbit, classes: { a: { ${values} } } }`);
  expect(told(tree('each: { by: host, rate: 1mbit }'), tree('each: { by: host, rate: 2mbit }'))).toEqual([
    'wan/up/a each.rate: 1mbit -> 2mbit',
  ]);
  expect(told(tree(''), tree('each: { by: host, rate: 2mbit }, queue: { limit: 90kB }'))).toEqual([
    'wan/up/a each: null -> { by: host, rate: 2mbit }',
    'wan/up/a queue.limit: null -> 90kB',
  ]);
  expect(told(tree('queue: { aqm: red }'), tree('queue: { aqm: { red: { max: 90kB } } }'))).toEqual([
    'wan/up/a queue.aqm.red.max: null -> 90kB',
  ]);
  expect(told(tree('queue: { aqm: pie }'), tree('queue: { aqm: { red: { max: 90kB } } }'))).toEqual([
    'wan/up/a queue.aqm: pie -> { red: { max: 90kB } }',
  ]);
  expect(told(tree('match: { src: "fd00::/8" }'), tree('match: [{ dport: [1, 2] }, { dscp: ef }]'))).toEqual([
    'wan/up/a match: { src: fd00::/8 } -> [{ dport: [1, 2] }, { dscp: ef }]',
  ]);
  expect(told(tree('police: { rate: 1mbit }'), tree(''))).toEqual([
    'wan/up/a police: { rate: 1mbit } -> null',
  ]);
  expect(told(tree('priority: 3'), tree(''))).toEqual([]);
});

it('tells classes, links and directions that came or went, and the order', () => {
  const before = wan('{ rate: 9mbit, classes: { a: { match: { dport: 1 } }, b: { match: { dport: 2 } } } }');
  const after = wan('{ rate: 9mbit, classes: { b: { match: { dport: 2 } }, a: { match: { dport: 1 } } } }');
  expect(told(before, after)).toEqual(['wan/up classes: [a, b, default] -> [b, a, default]']);
  const more = wan('{ rate: 9mbit, classes: { a: { match: { dport: 1 }, classes: { x: } } } }, down: 5mbit');
  expect(told(before, more)).toEqual([
    'wan/up/b : { match: { dport: 2 } } -> null',
    'wan/up/a/x : null -> {}',
    'wan/down : null -> { rate: 5mbit }',
  ]);
  const two = load('links: { a: { device: x, up: 1mbit }, b: { device: y, up: 1mbit } }');
  const turned = load('links: { b: { device: y, up: 1mbit }, a: { device: x, up: 1mbit, wait: true } }');
  expect(told(two, turned)).toEqual([' links: [a, b] -> [b, a]', 'a wait: null -> true']);
});

it('tells what belongs to no link', () => {
  const before = wan('9mbit', 'nfqueue: { first: 7 }\nlog: { level: info }');
  const after = wan(
    '9mbit',
    'nfqueue: { first: 8, count: 4, mark: 0x00ff0000 }\ncontrol: { socket: /x }\nlocal: { exempt: { share: 1% } }',
  );
  expect(told(before, after)).toEqual([
    ' nfqueue.first: 7 -> 8',
    ' nfqueue.mark: null -> 0x00ff0000',
    ' local.exempt.share: null -> 1%',
    ' control.socket: null -> /x',
  ]);
});

it('tells of hosts and quotas as deep as they were written, and of a quota that came or went at once', () => {
  const before = wan(
    '9mbit',
    'hosts: { lan: eth1 }\nquotas: { a: { windows: { over: 1h, up: 1GB }, warn: 80% }, b: { windows: { over: 1h, up: 1GB } } }',
  );
  const after = wan(
    '9mbit',
    'quotas: { c: { windows: { over: 1h, up: 2GB } }, a: { windows: { over: 1h, up: 1GB }, warn: 90%, then: block } }\nhistory: { flush: 20s }',
  );
  expect(told(before, after)).toEqual([
    ' hosts.lan: eth1 -> null',
    ' history: null -> { flush: 20s }',
    ' quotas.a.warn: 80% -> 90%',
    ' quotas.a.then: null -> block',
    ' quotas.b: { windows: { over: 1h, up: 1GB } } -> null',
    ' quotas.c: null -> { windows: { over: 1h, up: 2GB } }',
  ]);
  const turned = wan(
    '9mbit',
    'hosts: { lan: [eth1] }\nquotas: { b: { windows: [{ over: 60m, up: 1000MB }] }, a: { windows: { over: 1h, up: 1GB }, warn: 80% } }',
  );
  expect(told(before, turned)).toEqual([]);
  expect(told(wan('9mbit', 'hosts: {}'), wan('9mbit'))).toEqual([]);
});

it('tells of modules as they are written, and not of lines that moved', () => {
  const [before, moved] = ['modules: [{ use: a }]', '\n\nmodules: { use: a, priority: 100 }'].map((text) =>
    wan('9mbit', text),
  );
  expect(told(before!, moved!)).toEqual([]);
  expect(told(before!, wan('9mbit', 'modules: [{ use: a, options: { n: 5 } }]'))).toEqual([
    ' modules: [{ use: a }] -> [{ use: a, options: { n: 5 } }]',
  ]);
  expect(told(before!, wan('9mbit'))).toEqual([' modules: [{ use: a }] -> null']);
  expect(told(wan('9mbit', 'modules: []'), wan('9mbit'))).toEqual([]);
});

it('a leaf that became an inner class with nothing in it is a difference', () => {
  const changes = configChanges(
    wan('{ rate: 9mbit, classes: { a: } }'),
    wan('{ rate: 9mbit, classes: { a: { classes: { } } } }'),
  );
  expect(changes).toMatchObject([{ path: 'wan/up/a', key: 'queue', new: null }]);
});
