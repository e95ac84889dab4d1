import { describe, expect, it } from 'vitest';
import { ReverseDns } from '../../../../../src/control/hosts/known/reverse-dns.ts';
import { REVERSE_NAMES_MAX } from '../../../../../src/limits.ts';

interface Question {
  readonly address: string;
  answer(...names: string[]): Promise<void>;
  fail(code: string): Promise<void>;
}

function setUp() {
  const questions: Question[] = [];
  const clock = { ms: 0 };
  const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
  const dns = new ReverseDns({
    nowMs: () => clock.ms,
    resolve: (address) =>
      new Promise((resolve, reject) => {
        questions.push({
          address,
          answer: (...names) => {
            resolve(names);
            return settled();
          },
          fail: (code) => {
            reject(Object.assign(new Error(code), { code }));
            return settled();
          },
        });
      }),
  });
  return { dns, questions, clock, asked: () => questions.splice(0).map(({ address }) => address) };
}

describe('reverse DNS', () => {
  it('asks once, and gives out what it knows by then', async () => {
    const { dns, questions, clock, asked } = setUp();
    expect([dns.nameOf('10.0.0.1'), dns.nameOf('10.0.0.1')]).toEqual([null, null]);
    expect(questions).toHaveLength(1);
    await questions[0]!.answer('Flat-12.Example.ORG.', 'second');
    asked();
    expect(dns.nameOf('10.0.0.1')).toBe('flat-12.example.org');
    clock.ms = 3600e3 - 1;
    dns.nameOf('10.0.0.1');
    expect(asked()).toEqual([]);
    // An old name holds while it is asked for again.
    clock.ms = 3600e3;
    expect(dns.nameOf('10.0.0.1')).toBe('flat-12.example.org');
    await questions[0]!.answer('other.example.org');
    expect(dns.nameOf('10.0.0.1')).toBe('other.example.org');
    expect(asked()).toEqual(['10.0.0.1']);
  });

  it('remembers that there is no name for ten minutes, and that nobody answered for one', async () => {
    const { dns, questions, clock, asked } = setUp();
    dns.nameOf('10.0.0.1');
    dns.nameOf('10.0.0.2');
    await questions[0]!.fail('ENOTFOUND');
    await questions[1]!.fail('ETIMEOUT');
    asked();
    clock.ms = 59e3;
    dns.nameOf('10.0.0.1');
    dns.nameOf('10.0.0.2');
    expect(asked()).toEqual([]);
    clock.ms = 60e3;
    dns.nameOf('10.0.0.1');
    dns.nameOf('10.0.0.2');
    expect(asked()).toEqual(['10.0.0.2']);
    clock.ms = 600e3;
    dns.nameOf('10.0.0.1');
    expect(asked()).toEqual(['10.0.0.1']);
  });

  it('keeps an old name while nobody answers, and forgets it when there is none any more', async () => {
    const { dns, questions, clock } = setUp();
    dns.nameOf('10.0.0.1');
    await questions[0]!.answer('a.example');
    clock.ms = 3600e3;
    dns.nameOf('10.0.0.1');
    await questions[1]!.fail('ECONNREFUSED');
    expect(dns.nameOf('10.0.0.1')).toBe('a.example');
    clock.ms += 60e3;
    dns.nameOf('10.0.0.1');
    await questions[2]!.fail('ENODATA');
    expect(dns.nameOf('10.0.0.1')).toBeNull();
  });

  it('asks four at a time, the others in their turn, and no more than wait', async () => {
    const { dns, questions } = setUp();
    for (let i = 0; i < 2000; i++) dns.nameOf(`10.0.${i >> 8}.${i & 255}`);
    expect(questions).toHaveLength(4);
    for (let i = 0; i < questions.length; i++) await questions[i]!.answer(`host-${i}`);
    // 4 at once, and 1024 that waited.
    expect(questions).toHaveLength(1028);
    expect(questions[4]!.address).toBe('10.0.0.4');
    expect(dns.nameOf('10.0.0.4')).toBe('host-4');
  });

  it('cleans what others have chosen', async () => {
    const { dns, questions } = setUp();
    dns.nameOf('10.0.0.1');
    await questions[0]!.answer('<img src=x>.\u001b[2J');
    expect(dns.nameOf('10.0.0.1')).toBe('img-src-x-.-2j');
  });

  it('remembers so many and no more', async () => {
    const { dns, questions } = setUp();
    for (let i = 0; i <= REVERSE_NAMES_MAX; i++) {
      dns.nameOf(`a${i}`);
      void questions[i]!.answer(`host-${i}`);
      if (i % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
    }
    await questions.at(-1)!.answer();
    const before = questions.length;
    expect(dns.nameOf('a1')).toBe('host-1');
    expect(questions).toHaveLength(before);
    expect(dns.nameOf('a0')).toBeNull();
    expect(questions).toHaveLength(before + 1);
  });
});
