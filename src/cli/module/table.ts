/** Modules for people. It is made for 80 columns. */
import { printable } from '../../base/printable.ts';
import { namedRows } from '../../base/text-columns.ts';
import { formatCountShort } from '../../base/units.ts';
import type { ModuleReport } from '../../control/modules.ts';

type Column = readonly [heading: string, cell: (module: ModuleReport) => string];

const COLUMNS: readonly Column[] = [
  ['state', ({ state }) => state],
  ['run', ({ run }) => run],
  ['prio', ({ priority }) => String(priority)],
  ['packets', ({ packets }) => formatCountShort(packets)],
  ['dropped', ({ dropped }) => formatCountShort(dropped)],
  ['stolen', ({ stolen }) => formatCountShort(stolen)],
  ['errors', ({ errors }) => formatCountShort(errors)],
  ['ns/pkt', ({ nanosecondsPerPacket }) => String(Math.round(nanosecondsPerPacket))],
  ['hooks', ({ hooks }) => hooks.join(',')],
];

/** A line each, and below them why some were ejected. `columns` are the characters in a line. */
export function modulesTable(modules: readonly ModuleReport[], columns: number): string {
  if (modules.length === 0) return 'no modules\n';
  const names = ['module', ...modules.map(({ label }) => label)];
  const rows = [
    COLUMNS.map(([heading]) => heading),
    ...modules.map((module) => COLUMNS.map(([, cell]) => cell(module))),
  ];
  const ejected = modules.filter(({ reason }) => reason !== null);
  const reasons = ejected.map(({ label, reason }) => `${label} was ejected: ${printable(reason!)}\n`);
  return `${namedRows(names, rows, columns)}\n${reasons.join('')}`;
}

/** All of one module. */
export function moduleText(module: ModuleReport): string {
  const { about, source, reason, run, interest, hooks, heldPackets, packets, dropped, stolen } = module;
  const rows: (readonly [string, string])[] = [
    ...(about === '' ? [] : [['about', about] as const]),
    ['from', source],
    ['state', reason === null ? module.state : `${module.state}: ${reason}`],
    ['runs', run === 'kernel' ? 'in the kernel, as rules of nft' : 'here'],
    ['hooks', hooks.join(', ')],
    ['interest', interest === '' ? 'all packets' : interest],
    ['priority', String(module.priority)],
    ['packets', `${packets}, ${dropped} dropped, ${stolen} stolen, ${heldPackets} held now`],
    ...(run === 'kernel'
      ? []
      : [['costs', `${Math.round(module.nanosecondsPerPacket)} ns a packet`] as const]),
    ['errors', String(module.errors)],
  ];
  const lines = rows.map(([name, text]) => `  ${name.padEnd(8)}  ${printable(text)}\n`);
  return `${module.label}\n${lines.join('')}${optionsText(module)}`;
}

/** The options of a module: what they are now, and what they mean. */
export function optionsText({ label, options }: ModuleReport): string {
  if (options.length === 0) return `${label} has no options\n`;
  const width = Math.max(...options.map(({ name, value }) => `${name}=${value}`.length));
  const lines = options.map(({ name, type, value, default: byDefault, help }) => {
    const usual = byDefault === null ? 'must be given' : `default ${byDefault}`;
    return `  ${printable(`${`${name}=${value}`.padEnd(width)}  ${help} (${type}, ${usual})`)}\n`;
  });
  return `options of ${label}\n${lines.join('')}`;
}
