/**
 * A child `nft -i` that owns our table and reads our pipe. When this process ends, by whatever means, the
 * pipe closes, nft ends and the kernel removes the table. The child has a session of its own and ignores INT,
 * TERM and HUP: signals meant for us must not take the table away before the orderly stop has accepted every
 * held packet.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { RulesError, toolComplaint, toolError } from './errors.ts';
import { diesWithUs, missingTool, toolEnvironment } from './tool.ts';

/** nft replies within milliseconds. An emulated machine under load once took more than 5 s. */
const ANSWER_TIMEOUT_MS = 30_000;
/** When its input has closed, nft only has to let the kernel free the table. */
const END_TIMEOUT_MS = 600;

/**
 * Errors and listings come through one pipe, so that an error is read before the listing that follows it.
 * Listings without counters and without elements of sets are equal while no rule changes.
 */
const COMMAND = 'trap "" INT TERM HUP; command -v nft >/dev/null || exit 127; exec nft -s -t -i 2>&1';

const NO_CACHE = /cache initialization failed: .*\n/;

interface Waiting {
  readonly resolve: (output: string) => void;
  readonly reject: () => void;
}

export class NftSession {
  private readonly table: string;
  private readonly child: ChildProcess;
  /** The lines that nft prints if it cannot list the table. */
  private readonly unlisted: RegExp;
  private readonly listing: RegExp;
  private readonly ended: Promise<string>;
  private output = '';
  private waiting: Waiting | null = null;
  private turn: Promise<unknown> = Promise.resolve();
  private expected = false;
  private lostReason: string | null = null;
  private tableListed = false;
  private signal: string | null = null;
  private readonly lostCallbacks: ((reason: string) => void)[] = [];

  /** Starts the child. A missing nft shows in the first `run`. `table` is `family name`. */
  constructor(table: string) {
    this.table = table;
    this.unlisted = new RegExp(`^.*Error: .*\\n.*list table ${table}\\n\\s*\\^+\\n`, 'm');
    this.listing = new RegExp(`table ${table} \\{[^]*?\\n\\}\\n`);
    this.child = spawn('sh', ['-c', COMMAND], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
      env: toolEnvironment(),
    });
    diesWithUs(this.child);
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.read(text));
    // The child may have ended when we write to it. `close` reports that.
    this.child.stdin?.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.child.on('error', (error) => resolve(error.message));
      this.child.on('close', (status, signal) => {
        this.signal = signal;
        if (status === 127) resolve(missingTool('nft').message);
        else resolve(`nft ended (${signal ?? `status ${status}`}) ${this.output.trim()}`.trim());
      });
    });
    void this.ended.then((reason) => this.lose(reason));
  }

  /** Whether the table, ours or not, existed after the last transaction. */
  get listed(): boolean {
    return this.tableListed;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /**
   * Whether a signal has ended the child. One that is meant for us can reach it in the instant before it has
   * a session of its own.
   */
  get endedBySignal(): boolean {
    return this.signal !== null && this.signal !== 'SIGKILL';
  }

  /** Calls back once if the child ends without having been asked to, also if that has happened already. */
  onLost(callback: (reason: string) => void): void {
    if (this.lostReason !== null && !this.expected) queueMicrotask(() => callback(this.lostReason ?? ''));
    else this.lostCallbacks.push(callback);
  }

  /**
   * Runs the lines as one transaction, without comments. Resolves with the listing of the table afterwards.
   * @throws RulesError with the complaint of nft. Nothing of the transaction is in force then
   */
  async run(what: string, lines: readonly string[], timeoutMs = ANSWER_TIMEOUT_MS): Promise<string> {
    const text = lines.filter((line) => !line.startsWith('#')).join('; ');
    const output = await this.ask(what, text, timeoutMs);
    if (/Error: /.test(output.replace(this.unlisted, ''))) throw toolError(what, output);
    if (this.unlisted.test(output)) throw new RulesError('failed', `${what}: table ${this.table} is gone`);
    return output;
  }

  /** Resolves with the listings that nft prints. Objects that do not exist are left out. */
  query(what: string, lists: readonly string[]): Promise<string> {
    return this.ask(what, lists.join('\n'));
  }

  /**
   * Resolves with the reply, or rejects if it takes too long. The next question waits for a late reply all
   * the same, which would else be taken for the reply to it.
   */
  private ask(what: string, text: string, timeoutMs = ANSWER_TIMEOUT_MS): Promise<string> {
    const answer = this.turn.then(() => this.exchange(what, `${text}\nlist table ${this.table}\n`));
    this.turn = answer.catch(() => undefined);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new RulesError('failed', `${what}: no answer from nft in ${timeoutMs / 1000} s`));
      }, timeoutMs);
      void answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });
  }

  private exchange(what: string, text: string): Promise<string> {
    if (this.lostReason !== null) return Promise.reject(this.lossError(what));
    return new Promise((resolve, reject) => {
      this.output = '';
      this.waiting = { resolve, reject: () => reject(this.lossError(what)) };
      // Somebody may have stopped it.
      this.child.kill('SIGCONT');
      this.child.stdin?.write(text);
    });
  }

  private lossError(what: string): RulesError {
    const reason = this.lostReason ?? '';
    if (reason === missingTool('nft').message) return missingTool('nft');
    return /Error|not/.test(reason)
      ? toolError(what, reason)
      : new RulesError('failed', `${what}: ${reason}`);
  }

  /**
   * A reply is complete with the brace in the first column that ends a listing, with the underline below a
   * command that was refused, or with the message that nft may not list anything at all.
   */
  private read(text: string): void {
    this.output += text;
    if (!this.waiting) return;
    this.tableListed = this.listing.test(this.output);
    if (!this.tableListed && !this.unlisted.test(this.output) && !NO_CACHE.test(this.output)) return;
    const { resolve } = this.waiting;
    const answer = this.output;
    // Output after the reply, if any, is nft's last words.
    this.output = '';
    this.waiting = null;
    resolve(answer);
  }

  private lose(reason: string): void {
    this.lostReason = reason;
    this.waiting?.reject();
    this.waiting = null;
    if (this.expected) return;
    for (const callback of this.lostCallbacks) callback(reason);
  }

  /**
   * Runs last lines, closes the pipe and waits for the child. Its end removes the table in any case. The
   * lines only make sure that the table is gone when nft ends. Never throws. Resolves with the complaint of
   * nft or null.
   */
  async end(lines: readonly string[] = []): Promise<string | null> {
    if (this.lostReason !== null) return null;
    this.expected = true;
    const timer = setTimeout(() => this.child.kill('SIGKILL'), END_TIMEOUT_MS);
    this.child.kill('SIGCONT');
    await this.turn;
    this.output = '';
    this.child.stdin?.end(lines.map((line) => `${line}\n`).join(''));
    await this.ended;
    clearTimeout(timer);
    return this.output.includes('Error: ') ? toolComplaint(this.output) : null;
  }
}
