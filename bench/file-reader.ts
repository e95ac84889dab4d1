/**
 * Reads the files of a mounted tree as monitoring does: one file after the other, so many a second. Prints
 * how many it has read: when it has begun, and every 100 ms. Run by views.ts: `file-reader.ts MOUNT READS`.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const TICK_MS = 20;
const [mount = '', readsPerSec = '500'] = process.argv.slice(2);

const files: string[] = [];
for (const entry of await readdir(join(mount, 'network'), { recursive: true, withFileTypes: true }))
  if (entry.isFile()) files.push(join(entry.parentPath, entry.name));
if (files.length === 0) throw new Error(`no file is mounted at ${mount}`);

let read = 0;
let due = 0;
let isUnderWay = false;
async function readDue(): Promise<void> {
  for (; read < due; read++) await readFile(files[read % files.length]!);
}
console.log(read);
setInterval(() => console.log(read), 100);
setInterval(() => {
  // What a slow answer leaves over is read later, but never more than a second of it.
  due = Math.min(due + (Number(readsPerSec) * TICK_MS) / 1000, read + Number(readsPerSec));
  if (isUnderWay) return;
  isUnderWay = true;
  readDue().then(
    () => {
      isUnderWay = false;
    },
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}, TICK_MS);
