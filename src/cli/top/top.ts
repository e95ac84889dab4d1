/** `shaper top`: the running instance on a full screen, and its limits by keys. */
import { EXIT_FINE, EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { call } from '../../control/client.ts';
import type { StatusReport } from '../../control/status.ts';
import { classUrl } from '../change/socket.ts';
import type { ConfOptions } from '../conf-file.ts';
import { readSocketPath } from '../read-config.ts';
import type { Terminal } from '../terminal.ts';
import { answered, changed, type Kind, type Outcome, wantedOf } from './answers.ts';
import { draw } from './draw.ts';
import { type Effect, onKey } from './keys.ts';
import type { Key } from './line-edit.ts';
import { outcomeOf, Poller } from './poller.ts';
import { Screen } from './screen.ts';
import { firstState, type TopState, type View } from './state.ts';

const POLL_MS = 1000;

export interface TopOptions extends ConfOptions {
  readonly by?: keyof typeof VIEW_OF;
}

const VIEW_OF = { class: 'classes', host: 'hosts', flow: 'flows', program: 'programs' } as const;

export async function top(options: TopOptions, terminal: Terminal): Promise<number> {
  const obstacle = obstacleOf(terminal.isInteractive && process.stdin.isTTY === true, process.env.TERM);
  if (obstacle !== '')
    throw new OperatingError(
      EXIT_USAGE,
      obstacle,
      'shaper status prints the same numbers once, also as --json',
    );
  const socketPath = readSocketPath(options, terminal);
  const status = await call<StatusReport>(socketPath, 'GET', '/v1/status');
  await new Promise<void>((resolve, reject) => {
    const session = new Session(socketPath, status, VIEW_OF[options.by ?? 'class'], terminal, {
      onEnd: () => {
        session.close();
        resolve();
      },
      onFault: (error) => {
        session.close();
        reject(error as Error);
      },
    });
    session.open();
  });
  return EXIT_FINE;
}

/** Why no screen can be drawn; '' if it can. */
export function obstacleOf(isTerminal: boolean, term: string | undefined): string {
  if (!isTerminal) return 'top needs a terminal for its keys and its screen';
  if (term === undefined || term === '' || term === 'dumb')
    return `top needs a terminal that can move its cursor; TERM is ${term ? `'${term}'` : 'not set'}`;
  return '';
}

interface Ends {
  readonly onEnd: () => void;
  readonly onFault: (error: unknown) => void;
}

class Session {
  readonly #socketPath: string;
  readonly #ends: Ends;
  readonly #screen: Screen;
  readonly #poller: Poller;
  #state: TopState;
  #timer: NodeJS.Timeout | undefined;
  #isDrawing = false;

  constructor(socketPath: string, status: StatusReport, view: View, terminal: Terminal, ends: Ends) {
    this.#socketPath = socketPath;
    this.#ends = ends;
    this.#screen = new Screen({
      input: process.stdin,
      output: process.stdout,
      hasColor: terminal.hasColor,
      onKey: (key) => this.#key(key),
      onResize: () => this.#become({ ...this.#state, ...this.#screen.size }),
      onEnd: ends.onEnd,
      stopJob: terminal.stopJob,
    });
    this.#poller = new Poller({
      ask: (path) => call(socketPath, 'GET', path),
      onAnswer: (kind, outcome) => this.#answer(kind, outcome),
      onFault: ends.onFault,
    });
    this.#state = { ...firstState({ ...this.#screen.size, socketPath, status, wallMs: Date.now() }), view };
  }

  open(): void {
    this.#screen.open();
    this.#timer = setInterval(() => this.#second(), POLL_MS);
    this.#become(this.#state);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#screen.close();
  }

  #second(): void {
    if (!this.#state.isPaused) this.#poller.tick();
    this.#become({ ...this.#state, wallMs: Date.now() });
  }

  #key(key: Key): void {
    const { state, effect } = onKey(this.#state, key);
    this.#become(state);
    if (effect !== null) this.#do(effect);
  }

  #answer(kind: Kind, outcome: Outcome): void {
    this.#become(answered(this.#state, kind, outcome));
  }

  /** Draws after all that has come at once. */
  #become(state: TopState): void {
    this.#state = state;
    this.#poller.want(wantedOf(state));
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    setImmediate(() => {
      this.#isDrawing = false;
      this.#screen.show(draw(this.#state));
    });
  }

  #do(effect: Effect): void {
    switch (effect.kind) {
      case 'quit':
        this.#ends.onEnd();
        break;
      case 'suspend':
        this.#screen.stop();
        break;
      case 'redraw':
        this.#screen.forget();
        break;
      case 'ask':
        this.#poller.askAll();
        break;
      case 'patch': {
        const end = effect.time === '' ? '' : `?for=${encodeURIComponent(effect.time)}`;
        this.#change(call(this.#socketPath, 'PATCH', `${classUrl(effect.path)}${end}`, effect.patch));
        break;
      }
      case 'end-lease':
        this.#change(call(this.#socketPath, 'DELETE', `/v1/leases/${effect.id}`));
    }
  }

  #change(asked: Promise<object>): void {
    outcomeOf(asked)
      .then((outcome) => {
        this.#become(changed(this.#state, outcome));
        this.#poller.askAll();
      })
      .catch(this.#ends.onFault);
  }
}
