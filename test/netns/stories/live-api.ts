/** Requests to a running instance by HTTP, over one connection that stays. */
import { Agent, request } from 'node:http';
import type { Status } from '../harness.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

export class Api {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 4 });
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  call(method: string, path: string, body?: object): Promise<ApiAnswer> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = {
      Host: 'shaper',
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(text),
    };
    return new Promise((resolve, reject) => {
      const options = { socketPath: this.#socketPath, agent: this.#agent, method, path: `/v1/${path}` };
      const sent = request({ ...options, headers }, (answer) => {
        let all = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          all += chunk;
        });
        answer.once('end', () => resolve({ status: answer.statusCode!, body: JSON.parse(all) }));
      });
      sent.once('error', reject);
      sent.end(text);
    });
  }

  /** As `call`. Throws unless it was done. */
  async done(method: string, path: string, body?: object): Promise<ApiAnswer['body']> {
    const answer = await this.call(method, path, body);
    if (answer.status === 200) return answer.body;
    throw new Error(`${method} /v1/${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  async status(): Promise<Status> {
    return (await this.done('GET', 'status')) as unknown as Status;
  }

  close(): void {
    this.#agent.destroy();
  }
}
