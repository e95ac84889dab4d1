import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modulesTable, moduleText, optionsText } from '../../../../src/cli/module/table.ts';
import { createHttpServer } from '../../../../src/control/http/http-server.ts';
import { type ModuleCommand, type ModuleReport, modulesOf } from '../../../../src/control/modules.ts';
import { moduleRoutes } from '../../../../src/control/routes/modules.ts';
import { CONTROL_IDLE_MS, CONTROL_REQUEST_MS } from '../../../../src/limits.ts';
import { shaper } from '../helpers.ts';

const report = (more: Partial<ModuleReport> = {}): ModuleReport => ({
  ...{ label: 'qosmod', enabled: true, priority: 100, hooks: ['postrouting'], packets: 12_345, dropped: 3 },
  ...{ stolen: 0, nanosecondsPerPacket: 210.4, errors: 0, state: 'on', reason: null, run: 'user' },
  ...{ about: 'marks long flows', interest: '{"proto":"tcp"}', heldPackets: 0, source: 'built in' },
  options: [{ name: 'threshold', type: 'integer', value: '20', default: '20', help: 'packets of a flow' }],
  ...more,
});
const bad = report({
  ...{ label: 'bad', state: 'ejected', reason: 'no\u001bluck', options: [], interest: '', about: '' },
});

describe('modules for people', () => {
  it('a line each, and why some were ejected', () => {
    expect(modulesTable([report(), bad], 100)).toBe(
      [
        'module    state   run  prio  packets  dropped  stolen  errors  ns/pkt        hooks',
        'qosmod       on  user   100    12.3k        3       0       0     210  postrouting',
        'bad     ejected  user   100    12.3k        3       0       0     210  postrouting',
        'bad was ejected: no\\x1bluck',
        '',
      ].join('\n'),
    );
    expect(modulesTable([], 80)).toBe('no modules\n');
  });

  it('one with all that is known of it', () => {
    expect(moduleText(report())).toBe(
      [
        'qosmod',
        '  about     marks long flows',
        '  from      built in',
        '  state     on',
        '  runs      here',
        '  hooks     postrouting',
        '  interest  {"proto":"tcp"}',
        '  priority  100',
        '  packets   12345, 3 dropped, 0 stolen, 0 held now',
        '  costs     210 ns a packet',
        '  errors    0',
        'options of qosmod',
        '  threshold=20  packets of a flow (integer, default 20)',
        '',
      ].join('\n'),
    );
    expect(moduleText(bad)).toContain('  state     ejected: no\\x1bluck\n');
    expect(optionsText(bad)).toBe('bad has no options\n');
  });
});

describe('shaper module', () => {
  let folder = '';
  let server: { server: Server; closeAll: () => void };
  let asked: ModuleCommand[] = [];
  const args = (...words: string[]): string[] => ['module', ...words, '--socket', join(folder, 'sock')];

  const listen = async (isShared: boolean): Promise<void> => {
    const modules = async (command: ModuleCommand) => {
      asked.push(command);
      if (command.do === 'list') return [report(), bad];
      if ('name' in command && command.name === 'none')
        return modulesOf({
          ok: false,
          code: 'not-found',
          message: 'no module none',
          hint: 'modules: qosmod',
        });
      return [report()];
    };
    server = createHttpServer(moduleRoutes({ modules, isShared }), {
      ...{ requestMs: CONTROL_REQUEST_MS, idleMs: CONTROL_IDLE_MS },
    });
    await new Promise<void>((resolve) => void server.server.listen(join(folder, 'sock'), resolve));
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'shaper-module-'));
    asked = [];
    await listen(false);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.server.close(() => resolve());
      server.closeAll();
    });
  afterEach(async () => {
    await close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('list --json prints a list with the keys of the contract', async () => {
    const { code, stdout } = await shaper(...args('list', '--json'));
    const [first] = JSON.parse(stdout) as object[];
    expect(code).toBe(0);
    expect(Object.keys(first!).slice(0, 10)).toEqual([
      ...['label', 'enabled', 'priority', 'hooks', 'packets', 'dropped', 'stolen', 'nanosecondsPerPacket'],
      ...['errors', 'state'],
    ]);
    expect((await shaper(...args('list', '--options'))).stdout).toContain('threshold=20');
  });

  it.each(['1001', '5000', '-1', 'x', '1.5'])('--priority %s is refused by its name', async (priority) => {
    const { code, stderr } = await shaper(...args('load', 'delay', `--priority=${priority}`));
    expect(code).toBe(2);
    expect(stderr).toContain(`--priority ${priority} is no whole number from 0 to 1000`);
    expect(asked).toEqual([]);
  });

  it('load sends the file with its whole path, and the options as they are written', async () => {
    const words = ['load', 'mine.ts', 'threshold=20', 'name=a=b', '--priority', '10', '--run', 'user'];
    expect(await shaper(...args(...words))).toMatchObject({ code: 0, stdout: 'qosmod: on\n' });
    expect(asked).toEqual([
      {
        ...{
          do: 'load',
          use: join(process.cwd(), 'mine.ts'),
          folder: process.cwd(),
          priority: 10,
          run: 'user',
        },
        options: { threshold: '20', name: 'a=b' },
      },
    ]);
    await shaper(...args('load', 'qosmod'));
    expect(asked[1]).toMatchObject({ use: 'qosmod', priority: null, run: null, options: {} });
  });

  it('stat, unload, on, off and reload name the module', async () => {
    for (const action of ['on', 'off', 'reload']) await shaper(...args(action, 'qosmod'));
    expect((await shaper(...args('unload', 'qosmod'))).stdout).toBe('qosmod: unloaded\n');
    expect(JSON.parse((await shaper(...args('stat', 'qosmod', '--json'))).stdout)).toEqual(report());
    expect(asked.map((one) => one.do)).toEqual(['on', 'off', 'reload', 'unload', 'stat']);
  });

  it('refusals end with exit code 2 and say why', async () => {
    expect(await shaper(...args('stat', 'none'))).toMatchObject({
      ...{ code: 2, stderr: 'shaper: no module none\n  modules: qosmod\n' },
    });
    for (const words of [['threshold'], ['=1'], ['a=1', 'a=2'], ['a=1', '--priority', 'x']])
      expect(await shaper(...args('load', 'mine.ts', ...words))).toMatchObject({ code: 2 });
  });

  it('over a socket that others may use only built-in modules are loaded', async () => {
    await close();
    await listen(true);
    for (const file of ['/tmp/x.ts', './x.ts', 'x.js'])
      expect(await shaper(...args('load', file))).toMatchObject({
        ...{ code: 2, stderr: expect.stringContaining('the instance loads no files over its socket') },
      });
    expect(asked).toEqual([]);
  });
});
