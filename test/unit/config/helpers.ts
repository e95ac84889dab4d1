import { ConfigError, type LoadedConfig, loadConfig } from '../../../src/config/config.ts';
import type { ClassSpec } from '../../../src/spec/spec.ts';

export const FILE = 'test.yaml';

/** `line:column message` of everything that is wrong; empty when the file is fine. */
export function problemsOf(text: string): string[] {
  try {
    loadConfig(text, FILE);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((p) => `${p.line}:${p.column} ${p.message}`);
  }
}

export function warningsOf(text: string): string[] {
  return loadConfig(text, FILE).warnings.map((p) => `${p.line}:${p.column} ${p.message}`);
}

/** A file with one direction of 20 Mbit/s (so 2 500 000 bytes per second) whose classes are `classes`. */
export function withClasses(classes: string, outer = ''): string {
  return `links: { wan: { device: eth0, ${outer} up: { rate: 20mbit, classes: { ${classes} } } } }`;
}

export function load(text: string): LoadedConfig {
  return loadConfig(text, FILE);
}

/** The first class of `up`, given the text after its name. */
export function classOf(fields: string, outer = ''): ClassSpec {
  return load(withClasses(`c: { ${fields} }`, outer)).spec.links[0]!.up!.children[0]!;
}

/** Messages for one class, without their place. */
export function classProblems(fields: string, outer = ''): string[] {
  return problemsOf(withClasses(`c: { ${fields} }`, outer)).map((line) => line.replace(/^\d+:\d+ /, ''));
}
