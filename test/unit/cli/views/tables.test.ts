import { expect, it } from 'vitest';
import { flowsTable } from '../../../../src/cli/views/flows-table.ts';
import { hostsTable } from '../../../../src/cli/views/hosts-table.ts';
import { programsTable } from '../../../../src/cli/views/programs-table.ts';
import type { FlowReport } from '../../../../src/control/views/flows-view.ts';
import type { HostReport } from '../../../../src/control/views/hosts-view.ts';
import type { ProgramReport } from '../../../../src/control/views/programs-view.ts';

const rates = { over1s: 0, over10s: 0, over60s: 0 };
const noDelay = { delayMilliseconds: null, recentDelayMilliseconds: null };

function flow(more: Partial<FlowReport> = {}): FlowReport {
  return {
    ...{ protocol: 'tcp', src: '10.1.0.2', sport: 40000, dst: '10.2.0.2', dport: 5201 },
    ...{ classes: ['wan/up/guests'], packets: 1000, bytes: 123_456_789, bitsPerSecond: 18_250_000 },
    ...{ backlogBytes: 120_000, dropped: 12, marked: 0, rttMilliseconds: 32, retransmits: 3 },
    ...{ ageSeconds: 12.5, idleSeconds: 0, rates, ...noDelay, process: null },
    ...more,
  };
}

const LONG = '2001:db8:1111:2222:3333:4444:5555:6666';

it('flows: numbers, then the flow and its class, on further lines where they leave no room', () => {
  const flows = [
    flow({ dst: '10.2.0.3', dport: 80 }),
    flow({ protocol: 'icmp', sport: 0, dport: 0, rttMilliseconds: null, classes: [] }),
    flow({ src: LONG, dst: LONG, classes: ['wan/down/x', 'lan/up/y'] }),
  ];
  const pad = ' '.repeat(80 - `> [${LONG}]:5201`.length);
  expect(flowsTable({ flows, total: 5 }, 80)).toBe(
    [
      'bit/s    sent  waiting      rtt  drops  flow and class',
      '18.3M  123 MB   120 kB  32.0 ms     12  tcp 10.1.0.2:40000 > 10.2.0.3:80',
      '                                          wan/up/guests',
      '18.3M  123 MB   120 kB        -     12  icmp 10.1.0.2 > 10.2.0.2',
      '18.3M  123 MB   120 kB  32.0 ms     12  tcp',
      `${pad}[${LONG}]:40000`,
      `${pad}> [${LONG}]:5201`,
      `${pad}wan/down/x  lan/up/y`,
      '2 more; --limit N shows more',
      '',
    ].join('\n'),
  );
  expect(flowsTable({ flows: [], total: 0 }, 80)).toBe('no flows\n');
  expect(flowsTable({ flows: [flow()], total: 1 }, 120)).toContain(
    'tcp 10.1.0.2:40000 > 10.2.0.2:5201  wan/up/guests\n',
  );
});

it('hosts: a line each; a name that leaves no room stands above its numbers', () => {
  const side = { packets: 1, bytes: 1_500_000, bitsPerSecond: 2_000_000, dropped: 3, rates };
  const host = (id: string): HostReport => ({
    ...{ id, name: '', macs: [], addresses: [id], lastSeen: '2026-01-01T00:00:00.000Z', up: side },
    ...{ down: { ...side, dropped: 0 }, flows: 7, rttMilliseconds: null, quotas: [], ...noDelay },
  });
  const text = hostsTable({ hosts: [host('10.1.0.2'), host(LONG)], total: 3, forgotten: 0, ports: [] }, 80);
  expect(text).toBe(
    [
      'host      up bit/s  down bit/s       up     down  drops  flows  rtt',
      '10.1.0.2     2.00M       2.00M  1.50 MB  1.50 MB      3      7    -',
      LONG,
      '             2.00M       2.00M  1.50 MB  1.50 MB      3      7    -',
      '1 more; --limit N shows more',
      '',
    ].join('\n'),
  );
  expect(hostsTable({ hosts: [], total: 0, forgotten: 0, ports: [] }, 80)).toBe('no hosts\n');
});

it('flows of this machine: the program stands behind the class', () => {
  const process = { pid: 77, name: 'rsync', exe: '/usr/bin/rsync', user: 'alice', unit: 'backup.service' };
  const of = (more: object): string =>
    flowsTable({ flows: [flow({ process: { ...process, container: null, ...more } })], total: 1 }, 140);
  expect(of({})).toContain('> 10.2.0.2:5201  wan/up/guests  rsync 77 alice backup.service\n');
  expect(of({ container: 'web' })).toContain('  rsync 77 alice web\n');
  const unseen = { pid: null, name: null, exe: null, unit: null };
  expect(of(unseen)).toContain('  wan/up/guests  (user alice)\n');
});

it('programs: a line each, with the first of several users, pids and units', () => {
  const side = { packets: 1, bytes: 1_500_000, bitsPerSecond: 2_000_000, dropped: 3, rates };
  const program = (more: Partial<ProgramReport>): ProgramReport => ({
    ...{ kind: 'local', name: 'nginx', exe: '/usr/sbin/nginx', pids: [901, 902], users: ['www'] },
    ...{ units: ['nginx.service'], containers: [], flows: 12, up: side, down: side },
    ...more,
  });
  const nobody = { pids: [], units: [], containers: [] };
  const programs = [
    program({}),
    program({ containers: ['web'], pids: [7], users: ['a', 'b', 'c'] }),
    program({ ...nobody, name: '', exe: null, users: ['alice'] }),
    program({ ...nobody, kind: 'forwarded', name: '', exe: null, users: [] }),
  ];
  expect(programsTable({ programs, total: 5 }, 100).replaceAll(/ +/g, ' ').split('\n')).toEqual([
    'program up bit/s down bit/s up down flows user pid unit',
    'nginx 2.00M 2.00M 1.50 MB 1.50 MB 12 www 901 +1 nginx.service',
    'nginx 2.00M 2.00M 1.50 MB 1.50 MB 12 a +2 7 web',
    '(user alice) 2.00M 2.00M 1.50 MB 1.50 MB 12 alice - -',
    '(forwarded) 2.00M 2.00M 1.50 MB 1.50 MB 12 - - -',
    '1 more; --limit N shows more',
    '',
  ]);
  expect(programsTable({ programs: [], total: 0 }, 100)).toBe('no flows\n');
});
