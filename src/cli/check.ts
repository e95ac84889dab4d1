/** `shaper check FILE`: validates, and says what the file means. */
import { formatRate } from '../base/units.ts';
import { formatProblem } from '../control/config.ts';
import type { ClassSpec, LinkSpec, ShaperSpec } from '../core/spec.ts';
import { EXIT_FINE } from './errors.ts';
import { readConfig } from './read-config.ts';
import type { Terminal } from './terminal.ts';

export function check(file: string, terminal: Terminal): number {
  const { spec, warnings } = readConfig(file);
  for (const { message, ...place } of warnings) {
    terminal.err(`${formatProblem({ ...place, message: `warning: ${message}` })}\n`);
  }
  terminal.out(`${file}: ok\n${summary(spec)}`);
  return EXIT_FINE;
}

/** One line per direction. */
export function summary(spec: ShaperSpec): string {
  return spec.links.map((link) => direction(link, link.up) + direction(link, link.down)).join('');
}

function direction(link: LinkSpec, root: ClassSpec | null): string {
  if (!root) return '';
  const classes = root.children.map(({ name, ceilBytesPerSec }) =>
    ceilBytesPerSec < root.ceilBytesPerSec ? `${name} ${formatRate(ceilBytesPerSec)}` : name,
  );
  return `  ${root.path} on ${link.device}: ${formatRate(root.rateBytesPerSec)}, classes ${classes.join(', ')}\n`;
}
