/** Tells a web service, with a POST of JSON. */
import { reasonOf } from '../../../base/system-error.ts';
import type { ViolationFacts } from './facts.ts';

/**
 * Resolves when the service has answered with a status of success. A redirect is none: what is told of a host
 * goes to the address in the configuration and to no other.
 */
export async function postViolation(
  url: string,
  { overNs, ...facts }: ViolationFacts,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  const { host } = new URL(url);
  // AbortSignal.timeout() is of no use here: Node may collect it while only AbortSignal.any() holds it, and
  // then nothing ends the request.
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(new DOMException('', 'TimeoutError')), limitMs);
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'User-Agent': 'shaper' },
    body: JSON.stringify({ ...facts, overSeconds: overNs / 1e9 }),
    redirect: 'manual',
    signal: AbortSignal.any([limit.signal, signal]),
  })
    .catch((error: unknown) => {
      throw new Error(`${host}: ${failureOf(error, limitMs)}`);
    })
    .finally(() => clearTimeout(timer));
  await answer.body?.cancel();
  if (answer.status >= 300 && answer.status < 400)
    throw new Error(`${host} answers with a redirect (${answer.status}), which is not followed`);
  if (!answer.ok) throw new Error(`${host} answers with status ${answer.status}`);
}

/** Of a failed fetch the cause is what happened. */
function failureOf(error: unknown, limitMs: number): string {
  const { name, cause } = error as Error;
  if (name === 'TimeoutError') return `no answer within ${limitMs / 1000} s`;
  if (name === 'AbortError') return 'the instance stopped first';
  return reasonOf(cause ?? error, { ECONNREFUSED: 'nobody answers', ENOTFOUND: 'the name is not known' });
}
