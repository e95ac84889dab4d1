import { describe, expect, it, vi } from 'vitest';
import { attachedTable } from '../../../../src/cli/attach/attach.ts';
import { endAs, runCommand } from '../../../../src/cli/attach/child.ts';
import type { AttachmentReport } from '../../../../src/control/subjects/attachment.ts';
import { shaper, terminalOf } from '../helpers.ts';

const report = (some: Partial<AttachmentReport>): AttachmentReport => ({
  ...{ id: 1, subject: 'user:alice', text: '', classes: ['wan/up/slow'], processes: 0, sockets: 0 },
  ...{ since: '2026-01-02T03:04:05.000Z', state: 'waiting' },
  ...some,
});

describe('the table of attachments', () => {
  it('says what there is of each subject and where it goes', () => {
    const classes = ['wan/up/slow', 'wan/down/slow'];
    const busy = { id: 12, subject: 'pid:7', text: 'rsy\u001bnc', processes: 2, sockets: 13, classes };
    const attachments = [report({ ...busy, state: 'active' }), report({})];
    expect(attachedTable({ attachments, unknownFlows: 0 })).toBe(
      [
        'id  subject          processes  sockets  state    classes',
        '12  pid:7 rsy\\x1bnc          2       13  active   wan/up/slow wan/down/slow',
        ' 1  user:alice               0        0  waiting  wan/up/slow',
        '',
      ].join('\n'),
    );
  });

  it('tells flows of which nothing is known', () => {
    expect(attachedTable({ attachments: [], unknownFlows: 0 })).toBe('nothing is attached\n');
    expect(attachedTable({ attachments: [], unknownFlows: 3 })).toContain('of 3 local flows');
  });
});

describe('shaper exec', () => {
  it('wants a command behind the dashes, whose options are its own', async () => {
    for (const args of [
      ['exec', 'wan/up/slow'],
      ['exec', 'wan/up/slow', '--'],
    ]) {
      const { code, stderr } = await shaper(...args);
      expect([code, stderr]).toEqual([2, expect.stringContaining('the command is expected after --')]);
    }
    expect(await shaper('exec', '--', 'true')).toMatchObject({ code: 2 });
    const absent = await shaper('exec', 'wan/up', '--socket', '/nowhere/sock', '--', 'ls', '--help');
    expect(absent).toMatchObject({ code: 3, stderr: expect.stringContaining('/nowhere/sock') });
  });

  it('ends by the signal that has ended the command, but leaves no picture of its own memory', () => {
    const endBy = vi.fn();
    expect(endAs('SIGTERM', { endBy })).toBe(143);
    expect(endBy).toHaveBeenCalledWith('SIGTERM');
    expect(endAs('SIGSEGV', { endBy })).toBe(139);
    expect(endBy).toHaveBeenCalledTimes(1);
  });

  it('knows how a command has ended', async () => {
    const { terminal, written } = terminalOf();
    expect(await runCommand(['sh', '-c', 'exit 7'], terminal)).toEqual({ code: 7 });
    expect(await runCommand(['sh', '-c', 'kill -KILL $$'], terminal)).toEqual({ signal: 'SIGKILL' });
    expect(await runCommand(['/nowhere/program'], terminal)).toEqual({ code: 127 });
    expect(await runCommand(['/etc/passwd'], terminal)).toEqual({ code: 126 });
    expect(written.stderr).toContain('/nowhere/program: no such command');
  });
});
