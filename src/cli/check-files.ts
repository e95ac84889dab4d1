/** Files that a configuration names and that are not there. */
import { accessSync, constants } from 'node:fs';
import type { ShaperSpec } from '../spec/spec.ts';

type IsThere = (path: string, mode: number) => boolean;

/** Warnings as sentences. */
export function fileDoubts({ hosts, quotas }: ShaperSpec, isThere: IsThere = isAccessible): string[] {
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
  ];
}

function isAccessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
