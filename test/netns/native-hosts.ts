/** Scenarios for native-hosts.test.ts: what the addon tells of neighbours and addresses. */
import { execFileSync } from 'node:child_process';
import { loadAddon } from '../../src/io/nfqueue/addon.ts';
import { HOST_COLUMNS, type HostColumns } from '../../src/io/nfqueue/host-columns.ts';
import { type HostListener, openHostListener } from '../../src/io/nfqueue/host-listener.ts';
import { addressText } from '../../src/packet/address-text.ts';
import { until } from './native-bed.ts';

const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });
const batch = (lines: readonly string[]): void =>
  void execFileSync('ip', ['-batch', '-'], { input: lines.join('\n') });

type Row = Record<(typeof HOST_COLUMNS)[number], number>;

/** Keeps every row that comes. */
class Ear {
  readonly rows: Row[] = [];
  readonly calls: number[] = [];
  complete = 0;
  lost = 0;
  readonly listener: HostListener;

  constructor(receiveBufferBytes?: number) {
    this.listener = openHostListener(
      {
        onRows: (columns, count) => {
          this.calls.push(count);
          for (let r = 0; r < count; r++) this.rows.push(rowOf(columns, r));
        },
        onComplete: () => this.complete++,
        onLost: () => this.lost++,
      },
      loadAddon(),
      receiveBufferBytes,
    );
  }

  /** The rows of what `act` does, once the last one says what `isLast` wants. */
  async after(act: () => void, isLast: (row: Row) => boolean): Promise<Row[]> {
    this.rows.length = 0;
    act();
    await until(() => this.rows.some(isLast), 'the kernel tells of it');
    return this.rows.slice();
  }

  async list(): Promise<Row[]> {
    this.rows.length = 0;
    const before = this.complete;
    if (!this.listener.ask()) throw new Error('the kernel refuses the list');
    await until(() => this.complete > before, 'the list is complete');
    return this.rows.slice();
  }
}

function rowOf(columns: HostColumns, r: number): Row {
  return Object.fromEntries(HOST_COLUMNS.map((name) => [name, columns[name][r]!])) as Row;
}

const words = (row: Row, name: 'word' | 'peer'): string =>
  addressText(
    row.family,
    ([0, 1, 2, 3] as const).map((i) => row[`${name}${i}`]),
  );
const macText = ({ macHigh, macLow }: Row): string =>
  macHigh.toString(16).padStart(4, '0') + macLow.toString(16).padStart(8, '0');

/** Neighbours and addresses as people read them. */
function said(row: Row): string {
  const { change, state, prefixBits } = row;
  const address = words(row, 'word');
  return change === 28 || change === 29
    ? `${change} ${address} ${macText(row)} ${state.toString(16)}`
    : `${change} ${address} ${words(row, 'peer')}/${prefixBits}`;
}

/** Neighbours of `manyNeighbours` among the rows. */
const countOf = (rows: readonly Row[]): number =>
  new Set(
    rows.filter(({ change, state }) => change === 28 && state === 0x80).map((row) => words(row, 'word')),
  ).size;

const manyNeighbours = (count: number, verb: string): string[] =>
  Array.from({ length: count }, (_, i) => {
    const address = `10.77.${100 + (i >> 8)}.${i & 255}`;
    const mac = `02:00:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`;
    return `neighbour ${verb} ${address} lladdr ${mac} nud permanent dev n0`;
  });

export const hostScenarios: Record<string, () => Promise<unknown>> = {
  async hostChanges() {
    const ear = new Ear();
    const list = await ear.list();
    const mac = 'lladdr 00:50:8d:68:50:75';
    const changes = await ear.after(
      () =>
        batch([
          `neighbour add 10.77.0.12 ${mac} nud permanent dev n0`,
          `neighbour replace 10.77.0.12 lladdr 02:00:00:00:00:01 nud stale dev n0`,
          `neighbour add fd00::12 ${mac} nud reachable dev n0`,
          'neighbour delete fd00::12 dev n0',
          'address add 10.78.0.1/16 dev n0',
          'address add 10.79.0.1 peer 10.80.0.0/24 dev n0',
          'address delete 10.78.0.1/16 dev n0',
          'address add fd01::1/64 dev n0 nodad',
          'neighbour add 10.77.0.13 lladdr 02:00:00:00:00:02 nud permanent dev n0',
        ]),
      (row) => words(row, 'word') === '10.77.0.13',
    );
    ear.listener.close();
    const index = Number(ip('-o', 'link', 'show', 'n0').split(':')[0]);
    return {
      list: list.map(said),
      changes: changes.map(said),
      areOfDevice: changes.every(({ ifIndex }) => ifIndex === index),
      scopes: list.map(({ change, scope }) => (change === 20 ? scope : null)),
    };
  },

  async manyHosts() {
    const ear = new Ear();
    const told = await ear.after(
      () => batch(manyNeighbours(5000, 'replace')),
      (row) => words(row, 'word') === '10.77.119.135',
    );
    const list = await ear.list();
    ear.listener.close();
    const { lost, calls } = ear;
    return { told: countOf(told), list: countOf(list), lost, callRowsMax: Math.max(...calls) };
  },

  /** The socket is too small for what happens while nobody reads. */
  async lostHosts() {
    const ear = new Ear(20_000);
    batch(manyNeighbours(5000, 'replace'));
    await until(() => ear.lost > 0, 'the kernel says that messages are missing');
    const told = countOf(ear.rows);
    const list = countOf(await ear.list());
    // A list that is asked for twice comes as a whole, too.
    ear.listener.ask();
    const again = countOf(await ear.list());
    // It still hears of what changes.
    const change = await ear.after(
      () => batch(['neighbour delete 10.77.100.7 dev n0']),
      ({ change: kind }) => kind === 29,
    );
    ear.listener.close();
    return { told, list, again, change: change.map(said) };
  },

  /** Without a close the process must not hang when the environment ends, and close works from a callback. */
  async closedHosts() {
    let calls = 0;
    const listener = openHostListener({
      onRows: () => undefined,
      onComplete: () => {
        calls++;
        listener.close();
      },
      onLost: () => undefined,
    });
    listener.ask();
    await until(() => calls === 1, 'the list is complete');
    const isAskedAfterwards = listener.ask();
    listener.close();
    return { calls, isAskedAfterwards };
  },
};
