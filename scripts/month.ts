/**
 * Makes up what flats use in a month, as history that `shaper simulate --history` reads:
 *
 *   npx tsx scripts/month.ts 330 7 > month.csv
 *
 * The first argument is the number of flats, the second seeds all chance. Each hour of a day has its weight,
 * evenings most of all. Flats differ by a factor of 300 (a density that falls with the square of the size),
 * few upload more than they download, and most hours have far less or far more than the average. Flats are
 * away for some days, and twice the program did not run.
 */
import { chanceStream, drawExponential, drawHeavyTailed, drawInteger } from '../src/base/chance.ts';
import type { Prng } from '../src/base/prng.ts';

const DAYS = 30;
const START_SECONDS = Date.UTC(2026, 9, 1) / 1000;
const HOUR_SECONDS = 3600;
/** Of a whole day, from midnight on. */
const WEIGHTS = [
  ...[24, 14, 8, 5, 4, 5, 10, 20, 28, 30, 32, 36],
  ...[42, 42, 44, 48, 56, 70, 88, 104, 116, 118, 96, 56],
];
const WEIGHT_SUM = WEIGHTS.reduce((sum, weight) => sum + weight, 0);
const WEEKEND = 1.25;
/** What a flat downloads on an average day. */
const DAY_BYTES_MIN = 0.4e9;
const DAY_BYTES_MAX = 120e9;
/** A flat has 250 Mbit/s down and 50 Mbit/s up: examples/flats.yaml. */
const DOWN_BYTES_MAX = (250e6 / 8) * HOUR_SECONDS;
const UP_BYTES_MAX = (50e6 / 8) * HOUR_SECONDS;
/** Of a hundred hours so many have any use worth the name; the others have a hundredth of it. */
const BUSY_HOURS = 45;
const UPLOADERS_OF_HUNDRED = 4;
/** Hours since the beginning in which the program did not run. */
const STOPPED = [203, 204, 205, 517];

interface Flat {
  readonly id: string;
  readonly chance: Prng;
  readonly dayBytes: number;
  /** Upload by download. */
  readonly upShare: number;
  readonly awayFrom: number;
  readonly awayUntil: number;
}

function flatOf(n: number, seed: number): Flat {
  const chance = chanceStream(seed, n);
  const dayBytes = drawHeavyTailed(chance, DAY_BYTES_MIN, DAY_BYTES_MAX);
  const isUploader = drawInteger(chance, 1, 100) <= UPLOADERS_OF_HUNDRED;
  const upShare = drawInteger(chance, isUploader ? 80 : 4, isUploader ? 200 : 20) / 100;
  const isAway = drawInteger(chance, 1, 100) <= 25;
  const awayFrom = isAway ? drawInteger(chance, 0, DAYS - 1) : DAYS;
  const number = 10 + n;
  const id = `10.0.${number >> 8}.${number & 255}`;
  return { id, chance, dayBytes, upShare, awayFrom, awayUntil: awayFrom + drawInteger(chance, 2, 9) };
}

function hourOf(flat: Flat, hour: number): [upBytes: number, downBytes: number] {
  const day = Math.floor(hour / 24);
  const isBusy = drawInteger(flat.chance, 1, 100) <= BUSY_HOURS;
  const drawn = drawExponential(flat.chance, 1);
  const drawnUp = drawExponential(flat.chance, 1);
  const isAway = day >= flat.awayFrom && day < flat.awayUntil;
  // The month begins on a Thursday.
  const weekend = day % 7 === 2 || day % 7 === 3 ? WEEKEND : 1;
  const mean = (flat.dayBytes * weekend * WEIGHTS[hour % 24]) / WEIGHT_SUM;
  const use = isAway || !isBusy ? 0.01 : 100 / BUSY_HOURS;
  const down = Math.min(DOWN_BYTES_MAX, mean * use * drawn);
  const up = Math.min(UP_BYTES_MAX, mean * use * flat.upShare * drawnUp);
  return [Math.round(up), Math.round(down)];
}

const [flats = 330, firstSeed = 1] = process.argv.slice(2).map(Number);
process.stdout.write('at,host,upBytes,downBytes\n');
for (let n = 0; n < flats; n++) {
  const flat = flatOf(n, firstSeed);
  const lines = Array.from({ length: 24 * DAYS }, (_, hour) => {
    const [up, down] = hourOf(flat, hour);
    const bytes = STOPPED.includes(hour) ? ',' : `${up},${down}`;
    return `${START_SECONDS + hour * HOUR_SECONDS},${flat.id},${bytes}\n`;
  });
  process.stdout.write(lines.join(''));
}
