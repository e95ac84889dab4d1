/** Sends a letter through a mail server. */
import { connect } from 'node:net';
import type { SMTPTransportGetSocket } from 'nodemailer/lib/smtp-transport/index.js';
import { isSystemError, reasonOf } from '../../../base/system-error.ts';
import type { MailSpec } from '../../../spec/hosts.ts';
import { letterOf, type ViolationFacts } from './facts.ts';

const SMTP_PORT = 25;
const SMTPS_PORT = 465;

/** Nobody reads along on this machine, and its mail server has seldom a certificate for this name. */
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

const REASONS = {
  ECONNREFUSED: 'nobody answers',
  ECONNECTION: 'it has closed the connection',
  ENOTFOUND: 'its name is not known',
  ETIMEDOUT: 'no answer in time',
  EAUTH: 'it refuses our name and password',
  EENVELOPE: 'it refuses the addresses',
};

/** Resolves when the server has taken the letter. */
export async function sendLetter(
  { to, from, server }: MailSpec,
  facts: ViolationFacts,
  limitMs: number,
  signal: AbortSignal,
): Promise<void> {
  // Loaded when it is needed: most instances send no letters.
  const { createTransport } = await import('nodemailer');
  const { host, hostname, port, protocol } = new URL(server);
  // Held by a timer, as with webhooks: Node may collect a signal that only AbortSignal.any() holds.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), limitMs);
  const limit = AbortSignal.any([late.signal, signal]);
  // A socket of our own ends with the limit, whatever the server does.
  const getSocket: SMTPTransportGetSocket = (_, done) => {
    const at = { port: Number(port) || (protocol === 'smtps:' ? SMTPS_PORT : SMTP_PORT), signal: limit };
    const connection = connect({ host: hostname.replace(/^\[|\]$/g, ''), ...at });
    const fail = (error: Error): void => done(error, false);
    connection.once('error', fail);
    connection.once('connect', () => {
      connection.off('error', fail);
      done(null, { connection });
    });
  };
  const options = { url: server, getSocket, ignoreTLS: LOOPBACK.includes(hostname) };
  const transport = createTransport({ ...options, disableFileAccess: true, disableUrlAccess: true });
  try {
    await transport.sendMail({ to, from, ...letterOf(facts) });
  } catch (error) {
    // The whole address of the server may hold a password.
    throw new Error(`${host}: ${failureOf(error, limit, signal, limitMs)}`);
  } finally {
    clearTimeout(timer);
    transport.close();
  }
}

function failureOf(error: unknown, limit: AbortSignal, stop: AbortSignal, limitMs: number): string {
  if (stop.aborted) return 'the instance stopped first';
  if (limit.aborted) return `no end within ${limitMs / 1000} s`;
  const { response } = error as { readonly response?: unknown };
  if (typeof response === 'string') return `it answers ${response}`;
  return isSystemError(error) ? reasonOf(error, REASONS) : reasonOf(error);
}
