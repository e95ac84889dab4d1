/** Mounts a file system in memory at its first argument, until SIGTERM. */
import { mountFiles } from '../../../../src/files/fuse/mounted.ts';
import { MemoryFileSystem } from './memory-file-system.ts';

const folder = process.argv[2] ?? '';
mountFiles(new MemoryFileSystem(), folder, () => undefined).then(
  (mounted) => {
    process.once('SIGTERM', () => void mounted.close());
    process.stdout.write('mounted\n');
  },
  (error: Error) => process.stdout.write(`${error.message}\n`),
);
