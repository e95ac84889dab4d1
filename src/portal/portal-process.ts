/**
 * The process that serves the page for stopped hosts. It begins with the rights of the instance, to read a
 * key, and gives them up before it listens to anybody. Then it knows only what it is told of stopped hosts.
 * It ends with the instance, whose end of the channel closes then.
 */
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { reasonOf } from '../base/system-error.ts';
import type { FromPageProcess, PageSetup, ToPageProcess } from './messages.ts';
import { readFiles } from './page-files.ts';
import { giveUpRights } from './rights.ts';
import { openServers, type Servers } from './servers.ts';
import { Site } from './site.ts';

/** Behind everything that packets need, and the first to go when memory is short. */
const NICENESS = 10;
const OOM_SCORE = '500';

const site = new Site();
let servers: Servers | null = null;

function tell(message: FromPageProcess, then?: () => void): void {
  // The instance may have gone: then nobody needs to know.
  if (process.connected) process.send?.(message, () => then?.());
}

async function start(setup: PageSetup): Promise<void> {
  const { files, complaints } = readFiles(setup);
  giveUpRights();
  site.use(files, setup);
  const opened = await openServers(setup, files.tls, site);
  servers = opened;
  if (!process.connected) opened.close();
  for (const message of [...complaints, ...opened.complaints]) tell({ type: 'warning', message });
  tell({ type: 'serving', httpPort: opened.httpPort, httpsPort: opened.httpsPort });
}

function fail(error: unknown): void {
  servers?.close();
  tell({ type: 'failed', message: reasonOf(error) }, () => process.disconnect());
}

// SIGUSR1 would open the debugger to every process of the same user.
process.on('SIGUSR1', () => undefined);
process.on('disconnect', () => servers?.close());
process.on('message', (message: ToPageProcess) => {
  if (message.type === 'hosts') site.update(message.changed, message.gone);
  else start(message.setup).catch(fail);
});
setPriority(NICENESS);
writeFileSync('/proc/self/oom_score_adj', OOM_SCORE);
