/** Follows the stream of `GET /v1/tcp` until it ends, or until somebody has seen enough. */
import { EXIT_FAILED, OperatingError } from '../../base/errors.ts';
import { follow } from '../../control/follow.ts';
import type { TcpEvent } from '../../control/tcp/report.ts';
import { withQuery } from '../query.ts';
import type { Terminal } from '../terminal.ts';
import { Gathering, type Picture } from './picture.ts';

export interface Gathered {
  readonly picture: Picture;
  /** Why not all was told; null if it was, or if a signal asked for less. */
  readonly failure: OperatingError | null;
}

/** They ask for the picture of what has come so far. A second one ends the process, as usual. */
const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Rejects with OperatingError if nothing can be shown. */
export async function gather(
  socketPath: string,
  subject: string,
  seconds: string,
  { isErrInteractive, err }: Terminal,
): Promise<Gathered> {
  const gathering = new Gathering();
  const path = withQuery('/v1/tcp', { subject, seconds });
  const interrupt = listen();
  const onEvent = (json: string): void => {
    if (interrupt.hasCome()) return;
    const event = JSON.parse(json) as TcpEvent;
    gathering.take(event);
    if (isErrInteractive && event.type === 'state')
      err(`\r${event.atSeconds.toFixed(0)} of ${seconds} s, ${event.total.segments} segments`);
  };
  let failure: OperatingError | null = null;
  try {
    await Promise.race([follow(socketPath, path, undefined, onEvent), interrupt.came]);
  } catch (error) {
    if (!(error instanceof OperatingError) || gathering.state === null) throw error;
    failure = error;
  } finally {
    interrupt.forget();
    if (isErrInteractive && gathering.state !== null) err('\r\x1b[K');
  }
  return gatheredOf(gathering, seconds, interrupt.hasCome(), failure);
}

function gatheredOf(
  gathering: Gathering,
  seconds: string,
  isInterrupted: boolean,
  failure: OperatingError | null,
): Gathered {
  const { state } = gathering;
  const when =
    state === null
      ? 'before the first second was over'
      : `after ${state.atSeconds.toFixed(1)} of ${seconds} s`;
  const text = isInterrupted
    ? `interrupted ${when}`
    : `the instance ended, or cut the stream, before all was told: ${when}`;
  const reason = failure ?? new OperatingError(EXIT_FAILED, text);
  const picture = gathering.picture(`It was cut short: ${reason.message}.`);
  if (picture === null) throw reason;
  const isWhole = isInterrupted || state?.type === 'end';
  return { picture, failure: isWhole ? null : reason };
}

interface Interrupt {
  readonly came: Promise<void>;
  hasCome(): boolean;
  forget(): void;
}

/** Waits for a signal that ends the command. */
function listen(): Interrupt {
  let hasCome = false;
  let forget = (): void => undefined;
  const came = new Promise<void>((resolve) => {
    const take = (): void => {
      hasCome = true;
      forget();
      resolve();
    };
    forget = () => {
      for (const signal of END_SIGNALS) process.off(signal, take);
    };
    for (const signal of END_SIGNALS) process.on(signal, take);
  });
  return { came, hasCome: () => hasCome, forget };
}
