/** What can be said about a patch before it is applied: keys that are removed, and keys that are no patch. */
import type { Section } from '../fields/kinds.ts';
import { innerSection, SECTIONS } from '../fields/sections.ts';
import { unknownKey } from '../yaml/reader.ts';
import { isPatch, type MergePatch, type Value } from '../yaml/values.ts';
import { editError } from './error.ts';

/** No section of the configuration is so deep. */
const DEPTH_MAX = 16;

/** Throws ConfigEditError. A key with a value is checked when the whole is read. */
export function checkPatch(path: string, patch: MergePatch): void {
  const isDirection = path.split('/').length === 2;
  if ('classes' in patch) {
    const hint = `shaper set ${path}/NAME KEY=VALUE, shaper class add ${path}/NAME KEY=VALUE`;
    throw editError('refused', `${path} classes`, 'classes: each class is edited by its own path', hint);
  }
  checkDepth(patch, path, 0);
  checkKeys(patch, isDirection ? SECTIONS.direction : SECTIONS.class, isDirection ? path : `class ${path}`, {
    path,
    keys: [],
  });
}

interface Place {
  readonly path: string;
  readonly keys: readonly string[];
}

function checkKeys(patch: MergePatch, section: Section | null, what: string, { path, keys }: Place): void {
  for (const [key, value] of Object.entries(patch)) {
    const inner = [...keys, key];
    const where = `${path} ${inner.join('.')}`;
    const field = section && Object.hasOwn(section, key) ? section[key]! : null;
    const isUnknown = section !== null && (field === null || field.shape === 'refused');
    if (value === null && isUnknown) {
      const message =
        field?.shape === 'refused' ? `${key}: ${field.message}` : unknownKey(key, section, what);
      throw editError('invalid', where, message);
    }
    if (isPatch(value)) checkKeys(value, field && innerSection(field), key, { path, keys: inner });
  }
}

function checkDepth(value: Value, where: string, depth: number): void {
  if (depth > DEPTH_MAX) throw editError('refused', where, 'the value is nested too deeply');
  if (typeof value !== 'object' || value === null) return;
  for (const inner of Object.values(value)) checkDepth(inner as Value, where, depth + 1);
}
