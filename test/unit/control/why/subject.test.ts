import { describe, expect, it, test } from 'vitest';
import { ApiError } from '../../../../src/control/api-error.ts';
import { meets, parseSubject } from '../../../../src/control/why/subject.ts';
import { createFlowRecord } from '../../../../src/core/flows/flow-reader.ts';

describe('spellings', () => {
  test.each([
    ['10.1.0.2', '10.1.0.2'],
    ['  host 10.1.0.2 ', '10.1.0.2'],
    ['10.1.0.2/32', '10.1.0.2'],
    ['::ffff:10.1.0.2', '10.1.0.2'],
    ['FD00:0:0::1', 'fd00::1'],
    ['[fd00::1]', 'fd00::1'],
    ['[fd00::1]:443', '[fd00::1]:443'],
    ['10.1.0.2:40000', '10.1.0.2:40000'],
    ['tcp 10.1.0.2:40000 10.2.0.2:5201', 'tcp 10.1.0.2:40000 10.2.0.2:5201'],
    ['TCP 10.1.0.2:40000 > 10.2.0.2:5201', 'tcp 10.1.0.2:40000 10.2.0.2:5201'],
    ['tcp 10.1.0.2 40000 -> 10.2.0.2 5201', 'tcp 10.1.0.2:40000 10.2.0.2:5201'],
    ['tcp 10.1.0.2:* 10.2.0.2:5201', 'tcp 10.1.0.2 10.2.0.2:5201'],
    ['6 10.1.0.2:1, 10.2.0.2:2', 'tcp 10.1.0.2:1 10.2.0.2:2'],
    ['udp [fd00::1]:5000 [fd00::2]:53', 'udp [fd00::1]:5000 [fd00::2]:53'],
    ['icmp 10.1.0.2 10.2.0.2', 'icmp 10.1.0.2 10.2.0.2'],
    ['10.1.0.2:1 10.2.0.2:2', '10.1.0.2:1 10.2.0.2:2'],
  ])('%s', (text, shown) => {
    const subject = parseSubject(text);
    expect(subject.text).toBe(shown);
    expect(parseSubject(subject.text)).toEqual(subject);
  });
});

describe('refused', () => {
  test.each([
    ['', /empty/, /10\.1\.0\.2/],
    ['10.1.0.0/24', /'10\.1\.0\.0\/24' is a prefix/, /one address/],
    ['10.1.0.300', /'10\.1\.0\.300' is no address/, /write/],
    ['tpc 10.1.0.2:1 10.2.0.2:2', /'tpc' is neither an address nor a protocol/, /did you mean tcp/],
    ['tcp 10.1.0.2:1', /two addresses are expected, one came/, /write/],
    ['tcp', /two addresses are expected, none came/, /write/],
    ['tcp 10.1.0.2:70000 10.2.0.2:2', /'70000' is no port/, /0 to 65535/],
    ['tcp 10.1.0.2:http 10.2.0.2:2', /'http' is no port/, /65535/],
    ['tcp 10.1.0.2:1 [fd00::1]:2', /no packet has both/, /write/],
    ['tcp 10.1.0.2:1 10.2.0.2:2 10.3.0.2:3', /comes after both ends/, /write/],
    ['fd00::1::443', /'fd00::1::443' is no address/, /\[fd00::1\]:443/],
  ])('%s', (text, message, hint) => {
    expect(() => parseSubject(text)).toThrow(ApiError);
    try {
      parseSubject(text);
    } catch (error) {
      expect(error).toMatchObject({ status: 400, code: 'wrong-subject', where: 'query.subject' });
      expect((error as ApiError).message).toMatch(message);
      expect((error as ApiError).hint).toMatch(hint);
    }
  });
});

describe('flows of a subject', () => {
  const record = createFlowRecord();
  Object.assign(record, { family: 4, protocol: 6, sport: 40000, dport: 443 });
  record.src[0] = 0x0a010002;
  record.dst[0] = 0xc6336401;

  test.each([
    ['10.1.0.2', true, true],
    ['198.51.100.1', true, false],
    ['10.1.0.3', false, false],
    ['tcp 10.1.0.2:40000 198.51.100.1:443', true, true],
    ['tcp 198.51.100.1:443 10.1.0.2:40000', true, false],
    ['udp 10.1.0.2:40000 198.51.100.1:443', false, false],
    ['tcp 10.1.0.2:40001 198.51.100.1:443', false, false],
    ['10.1.0.2:443', false, false],
    ['fd00::1', false, false],
  ])('%s', (text, isMeant, isForth) => {
    expect(meets(parseSubject(text), record)).toEqual({ isMeant, isForth });
  });

  it('compares whole addresses of IPv6', () => {
    const six = { ...createFlowRecord(), family: 6, src: Uint32Array.of(0xfd000000, 0, 0, 1) };
    expect(meets(parseSubject('fd00::1'), six).isMeant).toBe(true);
    expect(meets(parseSubject('fd00:0:0:1::1'), six).isMeant).toBe(false);
  });
});
