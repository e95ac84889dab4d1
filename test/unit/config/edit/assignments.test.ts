import { describe, expect, it } from 'vitest';
import { ConfigEditError, parseAssignments } from '../../../../src/config/edit/document.ts';

describe('KEY=VALUE arguments', () => {
  it('are one merge patch', () => {
    const args = [
      ...['ceil=5mbit', 'each.rate=1mbit', 'queue.aqm.red.max=90kB', 'queue.ackFilter=true', 'police=null'],
      ...['match={ proto: udp, dport: [53, 0x35] }', 'weight=2', 'remark="ef"'],
    ];
    expect(parseAssignments(args)).toEqual({
      ceil: '5mbit',
      each: { rate: '1mbit' },
      queue: { aqm: { red: { max: '90kB' } }, ackFilter: 'true' },
      police: null,
      match: { proto: 'udp', dport: ['53', '0x35'] },
      weight: '2',
      remark: 'ef',
    });
  });

  it('that are wrong are all named', () => {
    const args = [
      'ceil',
      '=3',
      '.a=1',
      '__proto__.x=1',
      'rate=',
      'a=*b',
      'b={',
      'c=1',
      'c=2',
      'c.d=3',
      'e.f=1',
      'e=2',
    ];
    let error: unknown;
    try {
      parseAssignments(args);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(ConfigEditError);
    const { code, problems, exitCode } = error as ConfigEditError;
    expect([code, exitCode]).toEqual(['refused', 2]);
    expect(problems.map(({ where }) => where)).toEqual([
      ...['ceil', '=3', '.a=1', '__proto__.x=1', 'rate=', 'a=*b', 'b={', 'c=2', 'c.d=3', 'e=2'],
    ]);
    expect(problems[0]).toEqual({ where: 'ceil', message: 'ceil: there is no =' });
  });
});
