import { describe, expect, it } from 'vitest';
import { ConfigDocument, ConfigEditError, parseAssignments } from '../../../../src/config/edit/document.ts';

const TEXT = `# head
links:
  wan:
    device: eth0 # the line
    up:
      rate: 20mbit
      classes:
        # calls go first
        calls: { rate: 1mbit, match: { dscp: ef } } # few
        guests:
          ceil: 10mbit # at most
          match: { src: 10.0.9.0/24 }
          queue: { limit: 50ms } # short
        default: { priority: 6 }
    down: 100mbit # short form
`;

const parsed = (text = TEXT): ConfigDocument => ConfigDocument.parse(text, 'x.yaml');
const lines = (document: ConfigDocument): string[] => {
  document.load();
  return document.text().split('\n');
};

function errorOf(edit: () => unknown): Partial<ConfigEditError> {
  try {
    edit();
  } catch (error) {
    if (!(error instanceof ConfigEditError)) throw error;
    const { code, message, where, hint } = error;
    return { code, message, where, hint };
  }
  throw new Error('no error');
}

describe('a patch', () => {
  it('replaces, adds and removes values, and leaves all else and the old document as they are', () => {
    const before = parsed();
    const after = before.patchClass('wan/up/guests', {
      ceil: '5mbit',
      queue: null,
      police: { rate: '1mbit' },
    });
    expect(before.text()).toBe(TEXT);
    const expected = TEXT.replace('10mbit', '5mbit').replace(
      'queue: { limit: 50ms } # short',
      'police: { rate: 1mbit }',
    );
    expect(lines(after)).toEqual(expected.split('\n'));
  });

  it('takes numbers and booleans as JSON has them', () => {
    const after = parsed().patchClass('wan/up/guests', { weight: 2.5, queue: { ackFilter: true } });
    const guests = after.load().spec.links[0]!.up!.children[1]!;
    expect(guests).toMatchObject({ weight: 2.5, queue: { ackFilter: true, limitBytes: 62_500 } });
  });

  it.each([
    ...['adjust=true', 'adjust=false', 'tcp.pace=true', 'queue.ackFilter=true', 'queue.aqm.red.ecn=false'],
    ...['weight=2.50', 'priority=3', 'priority=0x3', 'each={ by: src, rate: 1mbit, prefix6: 56 }'],
    ...['ceil=5mbit', 'match.src=10.0.0.1', 'match.dport=[ 80, 443 ]', 'queue.aqm.red.probability=5%'],
  ])('has %s without quotes, as people write it', (argument) => {
    const after = parsed().patchClass('wan/up/guests', parseAssignments([argument]));
    const [key, value] = argument.split('=') as [string, string];
    expect(after.text()).toContain(`${key.split('.').at(-1)}: ${value}`);
    expect(() => after.load()).not.toThrow();
  });

  it('keeps a direction in its short form while it has nothing but its rate', () => {
    expect(lines(parsed().patchClass('wan/down', { rate: '90mbit' }))).toContain(
      '    down: 90mbit # short form',
    );
    const after = parsed().patchClass('wan/down', { each: { by: 'host', rate: '9mbit' } });
    expect(after.load().spec.links[0]!.down).toMatchObject({ rateBytesPerSec: 12.5e6, each: { by: 'host' } });
  });

  it('gives the class default an entry', () => {
    const after = parsed().patchClass('wan/down/default', { ceil: '50mbit' });
    expect(after.load().spec.links[0]!.down!.children[0]).toMatchObject({ ceilBytesPerSec: 6.25e6 });
  });

  it('puts another algorithm in the place of the one that is there', () => {
    const red = parsed().patchClass('wan/up/guests', { queue: { aqm: { red: { max: '90kB' } } } });
    const pie = red.patchClass('wan/up/guests', { queue: { aqm: { pie: { target: '20ms' } } } });
    expect(lines(pie)).toContain('          queue: { limit: 50ms, aqm: { pie: { target: 20ms } } } # short');
  });
});

describe('a class', () => {
  it('is added at the end, before default, or before another', () => {
    const names = (document: ConfigDocument) =>
      document.load().spec.links[0]!.up!.children.map((c) => c.name);
    const values = { match: { dport: 80 } };
    expect(names(parsed().addClass('wan/up/web', values))).toEqual(['calls', 'guests', 'web', 'default']);
    expect(names(parsed().addClass('wan/up/web', values, 'guests'))).toEqual([
      'calls',
      'web',
      'guests',
      'default',
    ]);
    expect(names(parsed().addClass('wan/down/web', {}).addClass('wan/up/web', values, 'default'))).toEqual(
      names(parsed().addClass('wan/up/web', values)),
    );
  });

  it('that takes a class inside gives queue and priority to default, and takes them back when that goes', () => {
    const leaf = parsed().patchClass('wan/up/guests', { priority: 1 });
    const inner = leaf.addClass('wan/up/guests/web', { match: { dport: 80 } });
    const guests = inner.load().spec.links[0]!.up!.children[1]!;
    expect(guests.queue).toBe(null);
    expect(guests.children.map(({ name }) => name)).toEqual(['web', 'default']);
    expect(guests.children[1]!.queue!.limitBytes).toBe(62_500);
    expect(guests.children[1]!.priority).toBe(1);
    expect(inner.removeClass('wan/up/guests/web').load().spec).toEqual(leaf.load().spec);
  });

  it('moves with the classes inside it, and says from where', () => {
    const inner = parsed().addClass('wan/up/guests/web', { match: { dport: 80 } });
    const moved = inner.moveClass('wan/up/guests', 'wan/up/calls/visitors');
    expect([...moved.renamed]).toEqual([['wan/up/calls/visitors', 'wan/up/guests']]);
    const calls = moved.load().spec.links[0]!.up!.children[0]!;
    expect(calls.children.map(({ path }) => path)).toEqual(['wan/up/calls/visitors', 'wan/up/calls/default']);
    expect(calls.children[0]!.children[0]!.path).toBe('wan/up/calls/visitors/web');
    const first = parsed().moveClass('wan/up/guests', 'wan/up/guests', 'calls');
    expect(first.load().spec.links[0]!.up!.children.map(({ name }) => name)).toEqual([
      'guests',
      'calls',
      'default',
    ]);
    expect(first.renamed.size).toBe(0);
  });

  it('knows its line, wherever it has moved to', () => {
    const moved = parsed()
      .moveClass('wan/up/guests', 'wan/up/calls/visitors')
      .addClass('wan/up/web', {}, 'calls');
    expect(moved.lineOf('wan/up/calls/visitors')).toEqual({ file: 'x.yaml', line: 10 });
    expect(moved.lineOf('wan/down')).toEqual({ file: 'x.yaml', line: 15 });
    expect(moved.lineOf('wan/up/web')).toBe(null);
    expect(moved.lineOf('wan/up/calls/default')).toBe(null);
  });
});

describe('an edit that is not possible says why', () => {
  const cases: [string, () => unknown, Partial<ConfigEditError>][] = [
    [
      'an unknown class',
      () => parsed().patchClass('wan/up/gests', { ceil: '1mbit' }),
      {
        code: 'no-such-class',
        message: 'wan/up/gests: no such class',
        where: 'wan/up/gests',
        hint: 'the nearest is wan/up/guests',
      },
    ],
    ['an unknown link', () => parsed().removeClass('lan/up/x'), { code: 'no-such-class' }],
    ['a class of a leaf', () => parsed().patchClass('wan/up/calls/default', {}), { code: 'no-such-class' }],
    ['an unknown neighbour', () => parsed().addClass('wan/up/a', {}, 'nobody'), { where: 'wan/up/nobody' }],
    ['a name twice', () => parsed().addClass('wan/up/calls', {}), { code: 'exists', where: 'wan/up/calls' }],
    ['default', () => parsed().addClass('wan/down/default', {}), { code: 'exists' }],
    ['a bad name', () => parsed().addClass('wan/up/Web', {}), { code: 'refused' }],
    ['a class beside links', () => parsed().addClass('wan/x', {}), { code: 'refused' }],
    ['default that goes', () => parsed().removeClass('wan/up/default'), { code: 'refused' }],
    ['a direction that goes', () => parsed().removeClass('wan/up'), { code: 'refused' }],
    [
      'another direction',
      () => parsed().moveClass('wan/up/calls', 'wan/down/calls'),
      { code: 'refused', message: 'wan/down/calls: a class moves within its direction, wan/up' },
    ],
    ['itself', () => parsed().moveClass('wan/up/calls', 'wan/up/calls/x'), { code: 'refused' }],
    [
      'classes in a patch',
      () => parsed().patchClass('wan/up', { classes: null }),
      { where: 'wan/up classes' },
    ],
    [
      'a removed key that nobody knows',
      () => parsed().patchClass('wan/up/calls', { queue: { aqm: { red: { maxx: null } } } }),
      {
        code: 'invalid',
        message: "unknown key 'maxx' in red; did you mean 'max'?",
        where: 'wan/up/calls queue.aqm.red.maxx',
      },
    ],
  ];
  it.each(cases)('%s', (_, edit, expected) => expect(errorOf(edit)).toMatchObject(expected));
});

describe('the other direction and other users of an anchor stay as they are', () => {
  it('both is written out', () => {
    const text = `links: { w: { device: e, both: { rate: { up: 5mbit, down: 9mbit }, classes: {
      up: { match: { inside: 10.0.0.1 }, ceil: { up: 1mbit, down: 2mbit } }, b: { police: { rate: { up: 1mbit, down: 3mbit } } } } } } }`;
    const before = parsed(text).load().spec.links[0]!;
    const after = parsed(text).patchClass('w/up/b', { weight: 2 });
    const { up, down } = after.load().spec.links[0]!;
    expect(down).toEqual(before.down);
    expect(up!.children[0]).toEqual(before.up!.children[0]);
    expect(up!.children[1]).toEqual({ ...before.up!.children[1], weight: 2 });
    expect(after.lineOf('w/down/b')).toEqual(after.lineOf('w/up/b'));
    expect(errorOf(() => parsed(text).patchClass('w/down/b', { ceil: 'x' }).load()).where).toBe(
      'w/down/b ceil',
    );
  });

  const ANCHORS = `links:
  w:
    device: e
    up: &tree
      rate: 10mbit
      classes:
        a: &class { ceil: 1mbit, queue: &queue { limit: 40kB } }
        b: *class
        c: { queue: *queue }
    down: *tree
`;
  const spec = (document: ConfigDocument) => document.load().spec.links[0]!;
  it.each(['w/up/a', 'w/up/b', 'w/up/c', 'w/down/a', 'w/down/b', 'w/down/c'])('%s', (path) => {
    const before = spec(parsed(ANCHORS));
    const edits = [
      (document: ConfigDocument) => document.patchClass(path, { queue: { limit: '50kB' } }),
      (document: ConfigDocument) => document.removeClass(path),
      (document: ConfigDocument) => document.moveClass(path, path.replace(/.$/, 'z')),
      (document: ConfigDocument) => document.addClass(`${path}/inner`, {}),
    ];
    for (const edit of edits) {
      const after = spec(edit(parsed(ANCHORS)));
      const other = path.startsWith('w/up') ? 'down' : 'up';
      const own = other === 'up' ? 'down' : 'up';
      expect(after[other]).toEqual(before[other]);
      const rest = (classes: typeof before) =>
        classes[own]!.children.filter((child) => child.path !== path && child.name !== 'z');
      expect(rest(after)).toEqual(rest(before));
    }
  });
});
