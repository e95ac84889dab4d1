/** The mounted tree of one instance, from the mount to its end: what the command and the process share. */
import { resolve } from 'node:path';
import { EXIT_IMPOSSIBLE, OperatingError } from '../base/errors.ts';
import type { FileSystem } from './fuse/filesystem.ts';
import { mountFiles } from './fuse/mounted.ts';
import { isMountPrivate } from './fuse/mounts.ts';
import { watchInstance } from './instance-link.ts';

export interface FileTree {
  readonly fileSystem: FileSystem;
  /** Something has happened in the instance. */
  changed(): void;
  /** Whether all that happens is told by `changed` from now on. */
  setFollowed(isFollowed: boolean): void;
  close(): void;
}

export interface ServeOptions {
  readonly socketPath: string;
  readonly folder: string;
  /** A fault of this program. The program that met it has an error, and all others go on. */
  readonly onFault: (error: unknown) => void;
}

/** `stopped`: it was asked to end. `left`: the instance has ended. `unmounted`: somebody else did that. */
export type ServingEnd = 'stopped' | 'left' | 'unmounted';

export interface ServedFiles {
  /** Where the mount is, without links. */
  readonly path: string;
  /** What people should know of it, as sentences. */
  readonly notes: readonly string[];
  /** Resolves when the mount has gone. */
  readonly ended: Promise<ServingEnd>;
  stop(): void;
}

const PRIVATE =
  'this process has a mount namespace of its own (ip netns exec, ProtectSystem= of systemd): others do not see the files';

/**
 * Resolves when programs can use the tree.
 * @throws OperatingError
 */
export async function serveFiles(
  openTree: (socketPath: string, folder: string) => FileTree,
  { socketPath, folder: named, onFault }: ServeOptions,
): Promise<ServedFiles> {
  const folder = resolve(named);
  const tree = openTree(socketPath, folder);
  const link = watchInstance(socketPath, tree);
  const leave = (): void => {
    link.close();
    tree.close();
  };
  try {
    await link.opened.catch((error: Error) => {
      const hint = 'name its socket (--socket) or its file (--conf), or start one: shaper --conf FILE';
      const message = `no running instance answers on ${socketPath} (${error.message})`;
      throw new OperatingError(EXIT_IMPOSSIBLE, message, hint);
    });
    const mounted = await mountFiles(tree.fileSystem, folder, onFault);
    let stop: () => void = () => undefined;
    const stopped = new Promise<ServingEnd>((end) => {
      stop = () => end('stopped');
    });
    const left = link.gone.then((): ServingEnd => 'left');
    const unmounted = mounted.ended.then(
      (): ServingEnd => 'unmounted',
      (error): ServingEnd => {
        onFault(error);
        return 'unmounted';
      },
    );
    const ended = Promise.race([stopped, left, unmounted]).then(async (end) => {
      await mounted.close();
      return end;
    });
    const notes = (await isMountPrivate()) ? [PRIVATE] : [];
    return { path: mounted.path, notes, ended: ended.finally(leave), stop };
  } catch (error) {
    leave();
    throw error;
  }
}
