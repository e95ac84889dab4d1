/** Scenarios for native.test.ts about NFQUEUEs that come, change and go while packets flow. */
import { spawn } from 'node:child_process';
import { NfqueueError, type NfqueueSetup, openNfqueue } from '../../src/io/nfqueue/nfqueue.ts';
import { COPY_BYTES_MAX } from '../../src/limits.ts';
import {
  DEFAULTS,
  FIRST_QUEUE,
  kernelQueues,
  queueRule,
  sleep,
  until,
  withBed,
  words,
} from './native-bed.ts';

function setup(count: number, lengthPackets = 1024, gso = false): NfqueueSetup {
  return { count, lengthPackets, copyBytes: new Array(count).fill(128), gso: new Array(count).fill(gso) };
}

/** The queues of the kernel that are ours, by number. */
const own = (): number => kernelQueues().length;

export const changeScenarios: Record<string, () => Promise<unknown>> = {
  /** Packets and a refused verdict wait unread in the socket while NFQUEUEs come, change and go. */
  async changeWhileUnread() {
    return withBed(
      async (bed) => {
        queueRule({});
        await bed.say(...words(3));
        const held = await bed.collect(3);
        bed.give([{ id: 12345, tag: 77 }]);
        await bed.say('w3', 'w4');
        bed.port.setUp(setup(4, 8, true));
        const opened = { open: bed.port.open, kernel: own(), gso: bed.port.granted.gso };
        bed.port.setUp(setup(4, 8));
        bed.port.closeNfqueue(3);
        const unread = bed.take();
        const { tag, errorNumber } = bed.port.batch.failures;
        const failures = Array.from({ length: bed.port.failureRows }, (_, i) => ({
          tag: tag[i],
          errno: errorNumber[i],
        }));
        bed.give([...held, ...unread].map(({ id }) => ({ id })));
        const received = [...(await bed.receivedCount(5))];
        // The length is that of the change: of twelve packets eight may wait.
        await bed.say(...words(12));
        await bed.collect(8);
        const { held: waiting, queueFull } = kernelQueues()[0]!;
        return { opened, failures, unread: unread.length, received, waiting, queueFull, open: bed.port.open };
      },
      { count: 1, copyBytes: [128], gso: [false] },
    );
  },

  /** Short copies wait unread in the socket while an NFQUEUE with whole copies comes. */
  async copiesGrow() {
    const text = 'x'.repeat(20_000);
    return withBed(
      async (bed) => {
        queueRule({});
        await bed.say(...words(3), text);
        bed.port.setUp({ ...setup(2), copyBytes: [128, COPY_BYTES_MAX] });
        await bed.say('late');
        const short = await bed.collect(5);
        queueRule({ chain: 'OUTPUT', nfqueue: ['--queue-num', String(FIRST_QUEUE + 1)] });
        const said = bed.say(text);
        const [whole] = await bed.collect(1);
        bed.give(short.map(({ id }) => ({ id })));
        bed.give([{ id: whole!.id, nfqueue: 1 }]);
        await said;
        const [queued] = await bed.collect(1);
        bed.give([{ id: queued!.id }]);
        const copied = [...short, whole!, queued!].map(({ lengthBytes, copiedBytes, bytes }) => {
          return [
            lengthBytes,
            copiedBytes,
            bytes
              .subarray(28)
              .toString()
              .replace(/x+$/, (all) => `x${all.length}`),
          ];
        });
        const { truncated, malformed } = bed.port.counters();
        return { copied, truncated, malformed, received: (await bed.receivedCount(6)).length };
      },
      { count: 1, copyBytes: [128], gso: [false] },
    );
  },

  /** A queue number that another program reads: everything stays as it was. */
  async changeRefused() {
    const other = openNfqueue({ ...DEFAULTS, firstQueue: FIRST_QUEUE + 3 });
    return withBed(async (bed) => {
      let error: unknown = null;
      try {
        bed.port.setUp(setup(4, 8));
      } catch (refusal) {
        const { code, hint } = refusal as NfqueueError;
        error = { typed: refusal instanceof NfqueueError, code, hint };
      }
      queueRule({});
      await bed.say(...words(20));
      const packets = (await bed.collect(20)).length;
      const { open } = bed.port;
      other.close();
      return { error, open, packets };
    });
  },

  /** Four pings fill the queues while some of these close and open: every ping has its answer. */
  async changeUnderFlood() {
    const addresses = Array.from({ length: 4 }, (_, i) => `127.0.0.${i + 1}`);
    return withBed(async (bed) => {
      bed.acceptAll();
      queueRule({ match: ['-p', 'icmp'], nfqueue: ['--queue-balance', '40:41', '--queue-bypass'] });
      const floods = addresses.map((address) => {
        const child = spawn('ping', ['-f', '-q', '-c', '3000', address]);
        let text = '';
        child.stdout.on('data', (bytes) => {
          text += String(bytes);
        });
        const ended = new Promise<string>((resolve) => child.on('close', () => resolve(text)));
        return { child, ended };
      });
      for (let round = 0; floods.some(({ child }) => child.exitCode === null) && round < 2000; round++) {
        bed.port.setUp(setup(2 + (round % 8), 1024 + round, round % 3 === 0));
        await sleep(1);
        for (const nfqueue of bed.port.open) if (nfqueue > 1) bed.port.closeNfqueue(nfqueue);
        await sleep(1);
      }
      const lost = (await Promise.all(floods.map(({ ended }) => ended))).map(
        (text) => /(\d+)% packet loss/.exec(text)?.[1],
      );
      await until(() => kernelQueues().every(({ held }) => held === 0), 'a verdict for all packets');
      const { verdictErrors, malformed, enobufs } = bed.port.counters();
      return { lost, verdictErrors, malformed, enobufs };
    });
  },
};
