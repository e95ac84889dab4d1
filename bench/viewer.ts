/**
 * Looks at a running instance as several people do: asks for all that `top` shows, reads the metrics, and
 * follows the events. Prints a line when it has begun. Run by views.ts: `viewer.ts SOCKET MILLISECONDS`.
 */
import { request } from 'node:http';

const [socketPath = '', everyMs = '1000'] = process.argv.slice(2);
const POLLED = ['/v1/status', '/v1/flows', '/v1/hosts', '/v1/leases', '/v1/metrics'];

function get(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${path}: status ${answer.statusCode}`));
      answer.resume().once('end', resolve).once('error', reject);
    });
    sent.once('error', reject);
    sent.end();
  });
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}

request(
  { socketPath, path: '/v1/events' },
  (answer) => void answer.resume().once('end', () => process.exit(0)),
)
  .once('error', fail)
  .end();
await Promise.all(POLLED.map(get));
console.log('watching');
let isUnderWay = false;
setInterval(() => {
  if (isUnderWay) return;
  isUnderWay = true;
  Promise.all(POLLED.map(get)).then(() => {
    isUnderWay = false;
  }, fail);
}, Number(everyMs));
