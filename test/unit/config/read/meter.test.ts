import { describe, expect, it } from 'vitest';
import type { MeterSpec } from '../../../../src/spec/spec.ts';
import { classOf, classProblems, load, problemsOf } from '../helpers.ts';

const meterOf = (fields: string): MeterSpec => classOf(`meter: { ${fields} }`).meter!;

describe('meter', () => {
  it('of a single rate', () => {
    expect(meterOf('type: srtcm, cir: 1mbit, cbs: 30kB, ebs: 60kB, aware: true')).toEqual({
      kind: 'single-rate',
      committedBytesPerSec: 125_000,
      committedBytes: 30_000,
      excessBytesPerSec: 0,
      excessBytes: 60_000,
      aware: true,
    });
  });

  it('of two rates', () => {
    expect(meterOf('type: trtcm, cir: 1mbit, cbs: 30kB, pir: 2mbit, pbs: 40kB')).toEqual({
      kind: 'two-rate',
      committedBytesPerSec: 125_000,
      committedBytes: 30_000,
      excessBytesPerSec: 250_000,
      excessBytes: 40_000,
      aware: false,
    });
    expect(meterOf('type: rfc4115, cir: 1mbit, eir: 500kbit, ebs: 20kB')).toMatchObject({
      kind: 'two-rate-4115',
      excessBytesPerSec: 62_500,
      excessBytes: 20_000,
    });
  });

  it.each([
    ['type: srtcm, cir: 1mbit', 15_000, 30_000],
    ['type: srtcm, cir: 100mbit', 250_000, 500_000],
    ['type: trtcm, cir: 1mbit, pir: 1mbit', 15_000, 15_000],
    ['type: trtcm, cir: 1mbit, cbs: 30kB, pir: 2mbit', 30_000, 30_000],
    ['type: trtcm, cir: 1mbit, pir: 100mbit', 15_000, 250_000],
    ['type: rfc4115, cir: 1mbit, cbs: 30kB, eir: 2mbit', 30_000, 15_000],
    ['type: srtcm, cir: 1mbit, cbs: 10ms', 25_000, 50_000],
  ])('{ %s }: bursts of %d and %d bytes', (fields, committedBytes, excessBytes) => {
    expect(meterOf(fields)).toMatchObject({ committedBytes, excessBytes });
  });

  it('belongs to directions and inner classes too', () => {
    const text = 'meter: { type: srtcm, cir: 1mbit }';
    const up = load(`links: { w: { device: e, up: { rate: 20mbit, ${text} } } }`).spec.links[0]!.up!;
    expect(up.meter).toMatchObject({ kind: 'single-rate' });
    expect(up.children[0]!.meter).toBeNull();
    expect(classOf(`${text}, classes: { a: {} }`).meter).not.toBeNull();
  });

  it.each([
    ['cir: 1mbit', 'meter needs type: srtcm, trtcm, rfc4115'],
    ['type: tbf, cir: 1mbit', 'is not one of: srtcm, trtcm, rfc4115'],
    ['type: srtcm', 'meter of type srtcm needs cir'],
    ['type: trtcm, cir: 1mbit', 'meter of type trtcm needs pir'],
    ['type: rfc4115, cir: 1mbit', 'meter of type rfc4115 needs eir'],
    ['type: srtcm, cir: 1mbit, pir: 2mbit', 'pir does not belong to type: srtcm, which takes cir, cbs, ebs'],
    ['type: srtcm, cir: 1mbit, pbs: 20kB', 'pbs does not belong to type: srtcm'],
    ['type: trtcm, cir: 1mbit, pir: 2mbit, ebs: 20kB', 'which takes cir, cbs, pir, pbs'],
    ['type: rfc4115, cir: 1mbit, eir: 2mbit, pir: 3mbit', 'which takes cir, cbs, eir, ebs'],
    ['type: trtcm, cir: 2mbit, pir: 1mbit', 'meter: the peak rate must not be below the committed rate'],
    [
      'type: srtcm, cir: 1mbit, cbs: 1000B',
      'cbs: 1kB is less than a full-sized packet, 1.5kB: none would ever fit',
    ],
    ['type: srtcm, cir: 1mbit, ebs: 1p', 'not packets'],
    ['type: srtcm, cir: 0mbit', 'out of range'],
    ['type: srtcm, cir: 1mbit, aware: blind', 'neither true nor false'],
    ['type: srtcm, cri: 1mbit', "unknown key 'cri' in meter; did you mean 'cir'?"],
  ])('{ %s } is refused', (fields, message) => {
    expect(classProblems(`meter: { ${fields} }`).join('\n')).toContain(message);
  });

  it('one mistake draws one message', () => {
    expect(
      problemsOf('links: { w: { device: e, up: { rate: 20mbit, meter: { type: trtcm, cir: 1mbit } } } }'),
    ).toEqual(['1:53 meter of type trtcm needs pir']);
    expect(classProblems('meter: { type: trtmc, cir: 1mbit, pir: 2mbit }')).toHaveLength(1);
  });
});

describe('remark', () => {
  const METER = 'meter: { type: srtcm, cir: 1mbit }';

  it.each([
    ['remark: af11', [10, 10, 10]],
    ['remark: 46', [46, 46, 46]],
    ['remark: 0x2e', [46, 46, 46]],
    [`${METER}, remark: ef`, [46, 46, 46]],
    [`${METER}, remark: { green: af11, yellow: af12, red: af13 }`, [10, 12, 14]],
    [`${METER}, remark: { red: be }`, [null, null, 0]],
  ])('%s', (fields, remark) => {
    expect(classOf(fields).remark).toEqual(remark);
  });

  it('is nothing where it is not written, and may be of the direction', () => {
    const { up } = load('links: { w: { device: e, up: { rate: 20mbit, remark: cs1 } } }').spec.links[0]!;
    expect([up!.remark, up!.children[0]!.remark]).toEqual([[8, 8, 8], null]);
  });

  it.each([
    ['remark: af15', "remark: 'af15' is not a DSCP; write a number 0 to 63 or ef"],
    ['remark: 64', 'is not a DSCP'],
    ['remark: [af11]', 'remark must be a map'],
    [`${METER}, remark: {}`, 'remark is empty; write one DSCP, or one for green, yellow, red'],
    [`${METER}, remark: { blue: af11 }`, "unknown key 'blue' in remark"],
    [`${METER}, remark: { red: high }`, "red: 'high' is not a DSCP"],
    [
      'remark: { red: af13 }',
      'remark: nothing gives packets a colour; give the class, or one above it, a meter',
    ],
  ])('%s is refused', (fields, message) => {
    expect(classProblems(fields).join('\n')).toContain(message);
  });

  it('a file has at most as many code points as fit the mark', () => {
    const classes = (count: number): string =>
      Array.from({ length: count }, (_, n) => `c${n}: { match: { dscp: ${n} }, remark: ${n + 20} }`).join(
        ', ',
      );
    expect(
      problemsOf(`links: { w: { device: e, up: { rate: 1mbit, classes: { ${classes(15)} } } } }`),
    ).toEqual([]);
    expect(
      problemsOf(`links: { w: { device: e, up: { rate: 1mbit, classes: { ${classes(16)} } } } }`),
    ).toEqual(['1:8 remark: 16 different DSCPs are more than the 15 that fit the packet mark']);
  });
});
