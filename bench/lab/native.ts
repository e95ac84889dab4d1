/** Builds the C programs of bench/native with the system's compiler, once per change of their sources. */
import { chownSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from './process.ts';

const SOURCE_FOLDER = fileURLToPath(new URL('../native/', import.meta.url));
const BUILD_FOLDER = fileURLToPath(new URL('../build/', import.meta.url));

export type NativeProgram = 'udpgen' | 'udpsink' | 'acceptall' | 'capture';
const SOURCES: Record<NativeProgram, readonly string[]> = {
  udpgen: ['udpgen.c', 'udp.h'],
  udpsink: ['udpsink.c', 'udp.h'],
  acceptall: ['acceptall.c'],
  capture: ['capture.c'],
};

/** Under sudo what we write into the checkout belongs to the person who asked. */
export function giveBack(...paths: readonly string[]): void {
  const { SUDO_UID, SUDO_GID } = process.env;
  if (process.getuid?.() !== 0 || SUDO_UID === undefined) return;
  for (const path of paths) chownSync(path, Number(SUDO_UID), Number(SUDO_GID ?? SUDO_UID));
}

const pending = new Map<NativeProgram, Promise<string>>();

/**
 * Path of the program, built if its sources are newer. Safe when several processes build at the same time.
 */
export function nativeProgram(name: NativeProgram): Promise<string> {
  let path = pending.get(name);
  if (!path) {
    path = build(name);
    pending.set(name, path);
  }
  return path;
}

async function build(name: NativeProgram): Promise<string> {
  const sources = SOURCES[name].map((file) => SOURCE_FOLDER + file);
  const target = BUILD_FOLDER + name;
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  if (existsSync(target) && statSync(target).mtimeMs > newest) return target;
  mkdirSync(BUILD_FOLDER, { recursive: true });
  const scratch = `${target}.${process.pid}`;
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror'];
  await run(['cc', ...flags, '-o', scratch, sources[0]!], { timeoutMs: 60_000 });
  giveBack(BUILD_FOLDER, scratch);
  renameSync(scratch, target);
  return target;
}
