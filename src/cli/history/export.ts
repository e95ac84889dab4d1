/** `shaper history export`: the history of every host for other programs. */
import { EXIT_FINE, EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { openHistory } from '../../store/history-file.ts';
import { exportRrd } from '../../store/rrd.ts';
import { type ConfOptions, requiredConf } from '../conf-file.ts';
import { readConfigAloud } from '../read-config.ts';
import type { Terminal } from '../terminal.ts';

export interface ExportOptions extends ConfOptions {
  /** Folder of the databases. */
  readonly rrd: string;
  /** Of history; default: that of the configuration. */
  readonly file?: string;
}

/** The file is read while an instance writes it, or without one. */
export async function exportHistory(options: ExportOptions, terminal: Terminal): Promise<number> {
  const history = openHistory(options.file ?? fileOf(options, terminal));
  try {
    const files = await exportRrd(history, options.rrd);
    terminal.out(files.map((file) => `${file}\n`).join(''));
    return EXIT_FINE;
  } finally {
    history.close();
  }
}

function fileOf(options: ConfOptions, terminal: Terminal): string {
  const conf = requiredConf(options.conf);
  const { file } = readConfigAloud(conf, terminal).history;
  if (file !== null) return file;
  throw new OperatingError(EXIT_USAGE, `${conf} keeps no history`, 'name a file of history: --file FILE');
}
