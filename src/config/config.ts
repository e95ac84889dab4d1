/**
 * A configuration file to a frozen ShaperSpec. Reads everything, then reports every problem at once with its
 * place; nothing is guessed and nothing is ignored silently.
 */

import { HELD_MAX } from '../limits.ts';
import type { NfqueueSpec, ShaperSpec } from '../spec/spec.ts';
import { SECTIONS } from './fields/fields.ts';
import { SOCKET_PATH } from './fields/host.ts';
import { readLinks } from './read/links.ts';
import { ConfigError, type ConfigProblem } from './yaml/problems.ts';
import { type Located, type Values, YamlReader } from './yaml/reader.ts';

export { ConfigError, type ConfigProblem, formatProblem } from './yaml/problems.ts';

export interface LoadedConfig {
  readonly spec: ShaperSpec;
  /** Absolute path of the control socket. */
  readonly socketPath: string;
  /** A level of pino. */
  readonly logLevel: string;
  /** What is probably not meant, but can be done. */
  readonly warnings: readonly ConfigProblem[];
}

/** `file` is only the name in messages. Throws ConfigError with all problems. */
export function loadConfig(text: string, file: string): LoadedConfig {
  const reader = new YamlReader(text, file);
  const root = reader.root();
  const top = reader.section(root, SECTIONS.top, 'the file');
  const nfqueue = readNfqueue(reader, top.nfqueue);
  const control = reader.section(top.control?.value ?? null, SECTIONS.control, 'control');
  const log = reader.section(top.log?.value ?? null, SECTIONS.log, 'log');
  const links = readLinks(reader, top.links?.value ?? null, nfqueue.markMask);
  const isLinksSilent = top.links === undefined && reader.problems.errors.length === 0;
  if (isLinksSilent) reader.problems.error(0, 'links is missing: name at least one device to shape');
  const errors = reader.problems.errors;
  if (errors.length > 0) throw new ConfigError(errors);
  return deepFreeze({
    spec: { links, nfqueue },
    socketPath: control.socket?.value ?? SOCKET_PATH,
    logLevel: log.level?.value ?? 'info',
    warnings: reader.problems.warnings,
  });
}

const MARK_MASK = 0xff000000;

function readNfqueue(reader: YamlReader, at: Values<typeof SECTIONS.top>['nfqueue']): NfqueueSpec {
  const values = reader.section(at?.value ?? null, SECTIONS.nfqueue, 'nfqueue');
  const first = values.first?.value ?? 100;
  const count = values.count?.value ?? 4;
  const length = values.length?.value ?? 32768;
  const place = (...candidates: (Located<unknown> | undefined)[]): number =>
    candidates.find((c) => c !== undefined)?.offset ?? 0;
  if (first + count > 65536) {
    const message = `queue numbers end at 65535: first ${first} + count ${count} goes beyond`;
    reader.problems.error(place(values.first, values.count), message);
  }
  if (count * length > HELD_MAX) {
    const message = `count ${count} x length ${length} is more than the ${HELD_MAX} packets that may wait in all`;
    reader.problems.error(place(values.length, values.count), message);
  }
  const gso = values.gso?.value ?? 'auto';
  return {
    first,
    count,
    length,
    bypass: values.bypass?.value ?? true,
    gso: gso === 'auto' ? gso : gso === 'true',
    backend: values.backend?.value ?? 'auto',
    markMask: values.mark ? Number(values.mark.value) : MARK_MASK,
  };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
