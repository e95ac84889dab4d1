/** Files that a configuration names and that are not there. */
import { accessSync, constants } from 'node:fs';
import type { ClassSpec, ShaperSpec } from '../spec/spec.ts';

type IsThere = (path: string, mode: number) => boolean;

/** Warnings as sentences. */
export function fileDoubts(spec: ShaperSpec, isThere: IsThere = isAccessible): string[] {
  const { hosts, quotas } = spec;
  const absent = (key: string, path: string | null | undefined, mode = constants.R_OK): string[] =>
    path === null || path === undefined || isThere(path, mode)
      ? []
      : [`${key}: ${path} ${mode === constants.X_OK ? 'is no program that can run' : 'cannot be read'}`];
  return [
    ...hosts.leases.flatMap((path) => absent('hosts.leases', path)),
    ...quotas.flatMap(({ name, page, outside }) => [
      ...absent(`quotas.${name}: cert`, page?.certFile),
      ...absent(`quotas.${name}: key`, page?.keyFile),
      ...absent(`quotas.${name}: text`, page?.textFile),
      ...absent(`quotas.${name}: style`, page?.styleFile),
      ...outside.flatMap(({ exec }) => absent(`quotas.${name}: exec`, exec?.[0], constants.X_OK)),
    ]),
    ...programsOf(spec).flatMap(([key, path]) => absent(key, path, constants.X_OK)),
  ];
}

/** Programs of matchers, with the keys that name them. */
function programsOf({ links }: ShaperSpec): [key: string, path: string][] {
  const inside = ({ path, match, children }: ClassSpec): [string, string][] => [
    ...(match ?? []).flatMap(({ exes = [] }) =>
      exes.map((exe): [string, string] => [`${path} match.exe`, exe.slice('exe:'.length)]),
    ),
    ...children.flatMap(inside),
  ];
  return links.flatMap(({ up, down }) => [up, down].flatMap((root) => (root === null ? [] : inside(root))));
}

function isAccessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
