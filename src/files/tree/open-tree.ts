/** The tree of an instance: so far an empty root. */

import { type Attributes, FileError } from '../fuse/filesystem.ts';
import type { FileTree } from '../serve.ts';

export function openTree(_socketPath: string, _folder: string): FileTree {
  const refuse = async (): Promise<never> => {
    throw new FileError('EPERM');
  };
  const begunMs = Date.now();
  return {
    fileSystem: {
      attributes: async (path): Promise<Attributes> => {
        if (path !== '') throw new FileError('ENOENT');
        return { kind: 'dir', mode: 0o755, uid: 0, gid: 0, changedMs: begunMs };
      },
      list: async () => [],
      ...{ read: refuse, write: refuse, makeDirectory: refuse, removeDirectory: refuse, makeLink: refuse },
      ...{ removeLink: refuse, readLink: refuse, rename: refuse, setAttributes: refuse },
    },
    close: () => undefined,
  };
}
