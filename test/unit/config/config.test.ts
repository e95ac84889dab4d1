import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../../../src/config/config.ts';
import { CONFIG_BYTES_MAX, CONFIG_NODES_MAX } from '../../../src/limits.ts';
import { load, problemsOf, warningsOf, withClasses } from './helpers.ts';

const RAW = { overheadBytes: 0, mpuBytes: 0, framing: 0 };
const MINIMAL = 'links: { wan: { device: eth0, up: 20mbit } }';

describe('defaults', () => {
  it('one link in its short form is a whole configuration', () => {
    const { spec, socketPath, logLevel, warnings } = load(MINIMAL);
    expect(socketPath).toBe('/run/shaper/shaper.sock');
    expect(logLevel).toBe('info');
    expect(warnings).toEqual([]);
    expect(spec.nfqueue).toEqual({
      first: 100,
      count: 4,
      length: 32768,
      bypass: true,
      gso: 'auto',
      backend: 'auto',
      markMask: 0xff000000,
    });
    const [link] = spec.links;
    expect(link).toMatchObject({ name: 'wan', device: 'eth0', linkLayer: RAW, down: null });
    expect(link!.up).toEqual({
      name: 'up',
      path: 'wan/up',
      rateBytesPerSec: 2_500_000,
      rateBurstBytes: 3028,
      ceilBytesPerSec: 2_500_000,
      burstBytes: 3028,
      priority: 3,
      weight: 1,
      adjust: false,
      match: null,
      police: null,
      meter: null,
      remark: null,
      each: null,
      pace: null,
      queue: null,
      children: [
        {
          name: 'default',
          path: 'wan/up/default',
          rateBytesPerSec: 0,
          rateBurstBytes: 3028,
          ceilBytesPerSec: 2_500_000,
          burstBytes: 3028,
          priority: 3,
          weight: 1,
          adjust: false,
          match: null,
          police: null,
          meter: null,
          remark: null,
          each: null,
          pace: null,
          queue: {
            discipline: 'fair',
            isolation: 'dual-src',
            shortBytes: 30_000,
            limitBytes: 250_000,
            limitPackets: Number.POSITIVE_INFINITY,
            aqm: { kind: 'codel', codel: { targetNs: 5e6, intervalNs: 100e6 } },
            ecn: true,
            ackFilter: false,
          },
          children: [],
        },
      ],
    });
  });

  it('is frozen throughout', () => {
    const { spec } = load(MINIMAL);
    expect(Object.isFrozen(spec.links[0]!.up!.children[0]!.queue)).toBe(true);
    expect(() => Object.assign(spec.nfqueue, { first: 1 })).toThrow(TypeError);
  });
});

describe('the place of a problem', () => {
  it('is FILE:LINE:COL, and every problem is reported at once, in file order', () => {
    const text = [
      'links:',
      '  wan:',
      '    device: eth0',
      '    up:',
      '      rate: 20', // 5:13
      '      classes:',
      '        Voice: {}', // 7:9
      '        bulk: { ceil: 80mbps, weigth: 2 }', // 8:23, 8:31
      'nfqueue: { count: 0 }', // 9:19
    ].join('\n');
    const places = problemsOf(text).map((line) => line.split(' ')[0]);
    expect(places).toEqual(['5:13', '7:9', '8:23', '8:31', '9:19']);
    try {
      loadConfig(text, 'my.yaml');
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).message).toMatch(/^my\.yaml:5:13: rate: '20' has no unit/);
      expect((error as ConfigError).message.split('\n')).toHaveLength(5);
    }
  });

  it('a faulty anchor that is used twice is reported once, where it is written', () => {
    const text = [
      'links:',
      '  a: { device: eth0, up: { rate: 1mbit, each: &each { by: host, rate: 5 } } }',
      '  b: { device: eth1, up: { rate: 1mbit, each: *each } }',
    ].join('\n');
    expect(problemsOf(text)).toHaveLength(1);
    expect(problemsOf(text)[0]).toMatch(/^2:\d+ rate: '5' has no unit/);
  });
});

describe('keys', () => {
  it.each([
    ['lnks: {}', "unknown key 'lnks' in the file; did you mean 'links'?"],
    [`${MINIMAL}\nnfqueu: {}`, "unknown key 'nfqueu' in the file; did you mean 'nfqueue'?"],
    [`${MINIMAL}\nnfqueue: { frist: 1 }`, "unknown key 'frist' in nfqueue; did you mean 'first'?"],
    [
      'links: { wan: { devcie: eth0, up: 1mbit } }',
      "unknown key 'devcie' in link wan; did you mean 'device'?",
    ],
    ['links: { w: { device: eth0, up: { rat: 1mbit } } }', "unknown key 'rat' in w/up; did you mean 'rate'?"],
    [withClasses('c: { match: { dprt: 80 } }'), "unknown key 'dprt' in a matcher; did you mean 'dport'?"],
    [withClasses('c: { queue: { limt: 1MB } }'), "unknown key 'limt' in queue; did you mean 'limit'?"],
    [withClasses('c: { Ceil: 1mbit }'), "unknown key 'Ceil' in class c; did you mean 'ceil'?"],
  ])('%s', (text, message) => {
    expect(problemsOf(text).some((line) => line.includes(message))).toBe(true);
  });

  it('far from every key, the keys are listed', () => {
    expect(problemsOf(`${MINIMAL}\nzzzzzzzzzz: 1`)[0]).toContain(
      "the nearest is 'links' (known here: links, local, hosts, history, quotas, modules, nfqueue, control, files, log)",
    );
  });

  it('never takes a key of Object.prototype for a field', () => {
    expect(problemsOf(`${MINIMAL}\nconstructor: 1`)[0]).toContain("unknown key 'constructor'");
    expect(problemsOf(`${MINIMAL}\n__proto__: 1`)[0]).toContain("unknown key '__proto__'");
  });

  it('duplicates are refused, and what else is wrong is still told', () => {
    const problems = problemsOf('links: { wan: { device: eth0, device: eth1, up: 20 } }');
    expect(problems.some((line) => line.includes('this key is here twice'))).toBe(true);
    expect(problems.some((line) => line.includes('has no unit'))).toBe(true);
  });

  it('a key without a value says what it takes', () => {
    expect(problemsOf('links: { wan: { device: eth0, up: } }')[0]).toContain(
      'up has no value; it takes: rate, unlimited, or map',
    );
  });

  it('keys must be plain words', () => {
    expect(problemsOf('links: { wan: { device: eth0, up: 1mbit, [a]: 1 } }')[0]).toContain(
      'a key must be a plain word',
    );
  });
});

describe('documents', () => {
  it.each([
    ['', 'links is missing'],
    ['# nothing\n', 'links is missing'],
    ['links: {}', 'links is empty'],
    ['links:', 'links has no value'],
    ['- a\n- b', 'the file must be a map (key: value), not a list'],
    ['hello', "the file must be a map (key: value), not 'hello'"],
    ['links: [wan]', 'links must be a map (key: value), not a list'],
    ['links: { wan: eth0 }', "link wan must be a map (key: value), not 'eth0'"],
    ['links: { wan: { device: [a], up: 1mbit } }', 'device must be a single value, not a list'],
    ['links: { wan: { device: { a: 1 }, up: 1mbit } }', 'device must be a single value, not a map'],
    ['links: {', 'not well-formed YAML'],
    ['links:\n\t- a', 'not well-formed YAML'],
    [`${MINIMAL}\n---\n${MINIMAL}`, 'a file holds one document'],
    ['links: { wan: { device: eth0, up: *nowhere } }', '*nowhere has no anchor'],
    ['links: !!js/function { a: 1 }', 'not well-formed YAML'],
  ])('%j', (text, message) => {
    expect(problemsOf(text).join('\n')).toContain(message);
  });

  it('anchors and aliases work where a value may stand', () => {
    const text = withClasses(
      'a: { match: { dport: 1 }, each: &e { by: host, rate: 1mbit } }, b: { each: *e }',
    );
    const [a, b] = load(text).spec.links[0]!.up!.children;
    expect(a!.each).toEqual(b!.each);
  });

  it('aliases of aliases cannot blow a small file up', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i++) {
      const previous = `*${String.fromCharCode(96 + i)}`;
      bomb.push(
        `${String.fromCharCode(97 + i)}: &${String.fromCharCode(97 + i)} [${`${previous}, `.repeat(10)}]`,
      );
    }
    const start = performance.now();
    expect(problemsOf(bomb.join('\n')).length).toBeGreaterThan(0);
    const classes = Array.from({ length: 400 }, (_, i) => `c${i}: *m`).join(', ');
    const list = Array.from({ length: 400 }, () => '{ dport: 1 }').join(', ');
    const text = withClasses(`first: &m { match: [${list}] }, ${classes}`);
    expect(problemsOf(text).join()).toContain(`more than ${CONFIG_NODES_MAX} values`);
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it('a file that is too long is refused unread', () => {
    const problems = problemsOf(`${MINIMAL}\n#${'x'.repeat(CONFIG_BYTES_MAX)}`);
    expect(problems[0]).toContain('longer than');
  });

  it('Windows line ends and a byte order mark are fine', () => {
    expect(problemsOf(`\ufeff${MINIMAL.replaceAll(' ', ' ')}\r\n`)).toEqual([]);
  });
});

describe('links', () => {
  it.each([
    ['links: { wan: { up: 1mbit } }', 'link wan has no device'],
    ['links: { wan: { device: eth0 } }', 'link wan shapes nothing'],
    ['links: { wan: }', 'link wan has no device'],
    ['links: { wan: { device: lo, up: 1mbit } }', 'lo cannot be shaped'],
    ['links: { wan: { device: "a b", up: 1mbit } }', 'is not a device name'],
    ['links: { wan: { device: averyveryverylongname, up: 1mbit } }', 'is not a device name'],
    ['links: { wan: { device: "eth*", up: 1mbit } }', 'is not a device name'],
    ['links: { Wan: { device: eth0, up: 1mbit } }', "'Wan' is not a name for a link"],
    ['links: { 1wan: { device: eth0, up: 1mbit } }', "'1wan' is not a name for a link"],
    ['links: { wan: { device: eth0, up: {} } }', 'wan/up has no rate'],
    ['links: { wan: { device: eth0, up: 500 } }', "up: '500' has no unit"],
    ['links: { wan: { device: eth0, up: 100bit } }', 'out of range'],
    ['links: { wan: { device: eth0, up: [1mbit] } }', 'wan/up must be a map'],
    ['links: { wan: { device: eth0, up: { rate: 50% } } }', 'is not a rate'],
    ['links: { wan: { device: eth0, up: { rate: 1mbit, ceil: 2mbit } } }', 'must equal the rate, 1mbit'],
    [
      'links: { wan: { device: eth0, up: { rate: 1mbit, queue: { limit: 1MB } } } }',
      'a direction has no queue',
    ],
    [
      'links: { wan: { device: eth0, up: { rate: 1mbit, match: { dport: 1 } } } }',
      'a direction takes all packets',
    ],
  ])('%s', (text, message) => {
    expect(problemsOf(text).join('\n')).toContain(message);
  });

  it('two links cannot share a device', () => {
    const text = 'links: { a: { device: eth0, up: 1mbit }, b: { device: eth0, down: 1mbit } }';
    expect(problemsOf(text)).toEqual(['1:55 eth0 is already shaped by link a']);
  });

  it('order and both directions are kept; down shares by destination', () => {
    const { spec } = load(
      'links: { b: { device: eth1, down: 2mbit }, a: { device: eth0, up: { rate: 1mbit, ceil: 1mbit } } }',
    );
    expect(spec.links.map((link) => link.name)).toEqual(['b', 'a']);
    expect(spec.links[0]).toMatchObject({ up: null, down: { path: 'b/down', rateBytesPerSec: 250_000 } });
    expect(spec.links[0]!.down!.children[0]!.queue!.isolation).toBe('dual-dst');
  });

  it('a direction may police and give every host a bucket', () => {
    const { up } = load(
      'links: { w: { device: e, up: { rate: 1mbit, burst: 5kB, police: { rate: 2mbit }, each: { by: host, rate: 1M } } } }',
    ).spec.links[0]!;
    expect(up).toMatchObject({
      burstBytes: 5000,
      police: { rateBytesPerSec: 250_000, burstBytes: 15_000, exceed: 'drop' },
      each: { by: 'host', rateBytesPerSec: 125_000, burstBytes: 3028, exceed: 'delay' },
    });
  });
});

const top = (text: string): string => `${MINIMAL}\n${text}`;

describe('local', () => {
  it.each([
    ['', [22, 22], 0.05],
    ['local: {}', [22, 22], 0.05],
    ['local: { exempt: { ports: 2222 } }', [2222, 2222], 0.05],
    ['local: { exempt: { ports: [1-65535], share: 0% } }', [1, 65535], 0],
    ['local: { exempt: { ports: [], share: 12.5% } }', null, 0.125],
    ['local: { exempt: { share: 100% } }', [22, 22], 1],
  ])('%s', (text, ports, share) => {
    const { exempt } = load(top(text)).spec.local;
    expect(exempt).toEqual({ ports: ports ? [{ from: ports[0], to: ports[1] }] : [], share });
  });

  it.each([
    ['local: { exempt: { ports: 0 } }', "ports: '0' is not a port; write a number 1 to 65535"],
    ['local: { exempt: { ports: [22, 65536] } }', "ports: '65536' is not a port"],
    ['local: { exempt: { ports: [23-22] } }', "ports: '23-22' runs backwards; write 22-23"],
    ['local: { exempt: { share: 101% } }', "share: '101%' is not a share from 0% to 100%"],
    ['local: { exempt: { share: 5 } }', "share: '5' is not a share from 0% to 100%"],
    ['local: { exempt: { port: 22 } }', "unknown key 'port' in exempt; did you mean 'ports'?"],
    ['local: { exempt: [22] }', 'exempt must be a map'],
    ['local: { ssh: 22 }', "unknown key 'ssh' in local; the nearest is 'exempt'"],
  ])('refuses %s', (text, message) => {
    expect(problemsOf(top(text)).join()).toContain(message);
  });
});

describe('nfqueue, control, log', () => {
  it('takes every field', () => {
    const { spec, socketPath, socketGroup, logLevel } = load(
      top(
        'nfqueue: { first: 200, count: 2, length: 100, bypass: false, gso: true, backend: nft, mark: "0x00ff0000" }\n' +
          'control: { socket: /tmp/x.sock, group: net-admins }\nlog: { level: debug }',
      ),
    );
    expect(spec.nfqueue).toEqual({
      first: 200,
      count: 2,
      length: 100,
      bypass: false,
      gso: true,
      backend: 'nft',
      markMask: 0x00ff0000,
    });
    expect({ socketPath, socketGroup, logLevel }).toEqual({
      ...{ socketPath: '/tmp/x.sock', socketGroup: 'net-admins', logLevel: 'debug' },
    });
    expect(load(MINIMAL).socketGroup).toBeNull();
  });

  it.each([
    ['0xff', 0xff],
    ['"0xff000000"', 0xff000000],
    ['0xFF000000', 0xff000000],
    ['0x1fe0', 0x1fe0],
    ['255', 0xff],
  ])('mark %s', (text, markMask) => {
    expect(load(top(`nfqueue: { mark: ${text} }`)).spec.nfqueue.markMask).toBe(markMask);
  });

  it.each(['0x0', '0xfe', '0x1ff', '0xff00ff00', '0x1fe000000', 'ff', '0x7f800000000', '-255'])(
    'mark %s is none',
    (text) => {
      expect(problemsOf(top(`nfqueue: { mark: ${text} }`)).join()).toContain('eight neighbouring bits');
    },
  );

  it.each([
    ['nfqueue: { first: 65535 }', 'from 0 to 65534'],
    ['nfqueue: { first: 1.5 }', 'from 0 to 65534'],
    ['nfqueue: { first: 65533, count: 3 }', 'queue numbers end at 65534'],
    ['nfqueue: { count: 65 }', 'from 1 to 64'],
    ['nfqueue: { length: 0 }', 'from 1 to 65536'],
    ['nfqueue: { length: 65537 }', 'from 1 to 65536'],
    ['nfqueue: { count: 64, length: 65536 }', 'packets that may wait in all'],
    ['nfqueue: { bypass: yes }', "'yes' is neither true nor false"],
    ['nfqueue: { gso: sometimes }', 'is not one of: auto, true, false'],
    ['nfqueue: { backend: pf }', 'is not one of: auto, nft, iptables'],
    ['control: { socket: run/x.sock }', 'is not an absolute path'],
    [`control: { socket: /${'x'.repeat(107)} }`, 'longer than the 107 bytes'],
    ['control: { group: "a:b" }', "'a:b' is no name of a group"],
    ['control: { group: -x }', "'-x' is no name of a group"],
    ['control: { groop: adm }', "did you mean 'group'?"],
    ['log: { level: loud }', 'is not one of: trace'],
    ['log: debug', 'log must be a map'],
  ])('%s', (text, message) => {
    expect(problemsOf(top(text)).join('\n')).toContain(message);
  });

  it('bounds are inclusive', () => {
    const { nfqueue } = load(top('nfqueue: { first: 65534, count: 1, length: 65536 }')).spec;
    expect(nfqueue).toMatchObject({ first: 65534, count: 1, length: 65536 });
    expect(warningsOf(MINIMAL)).toEqual([]);
  });
});
