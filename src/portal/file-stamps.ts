/** Notices that files were written again, such as a certificate that was renewed. */
import { stat } from 'node:fs/promises';
import type { PageFiles } from './messages.ts';

async function stampsOf({ certFile, keyFile, textFile, styleFile }: PageFiles): Promise<string> {
  const stamps = [certFile, keyFile, textFile, styleFile].map(async (file) => {
    if (file === null) return '';
    const found = await stat(file).catch(() => null);
    return found === null ? 'missing' : `${found.ino} ${found.mtimeMs} ${found.size}`;
  });
  return (await Promise.all(stamps)).join('\n');
}

export class FileStamps {
  private known: Promise<string> = Promise.resolve('');

  /** The files are read now. */
  async remember(files: PageFiles): Promise<void> {
    this.known = stampsOf(files);
    await this.known;
  }

  /** Whether they are others than those that were read at last. */
  async haveChanged(files: PageFiles): Promise<boolean> {
    return (await stampsOf(files)) !== (await this.known);
  }
}
