import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { sendLetter } from '../../../../../src/control/hosts/actions/mail.ts';
import { never, VIOLATION } from './violation.ts';

let server: Server | null = null;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server?.close();
});

/** A mail server of one letter. Returns its address, and what it was told. */
async function serve(
  answers: Readonly<Record<string, string>> = {},
): Promise<{ url: string; told: string[] }> {
  const told: string[] = [];
  server = createServer((socket) => {
    sockets.push(socket);
    let isData = false;
    let rest = '';
    if (answers.greeting !== '') socket.write('220 test\r\n');
    socket.on('data', (chunk) => {
      const lines = (rest + String(chunk)).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        told.push(line);
        if (isData && line !== '.') continue;
        const verb = isData ? 'END' : line.slice(0, 4);
        isData = verb === 'DATA';
        socket.write(`${answers[verb] ?? (isData ? '354 go' : '250 fine')}\r\n`);
        if (verb === 'QUIT') socket.end();
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, told };
}

const letterTo = (url: string) => ({ to: 'admin@example.org', from: 'shaper@example.org', server: url });

it('sends a letter', async () => {
  const { url, told } = await serve();
  await sendLetter(letterTo(url), VIOLATION, 10_000, never());
  const all = told.join('\n');
  expect(all).toContain('MAIL FROM:<shaper@example.org>\nRCPT TO:<admin@example.org>\nDATA\n');
  expect(all).toContain('Subject: Quota fair-use: flat-12 is over its limit');
  expect(all).toContain('flat-12 received 10.0 GB in the last 4h; the limit is 10.0 GB.');
});

it('a name cannot add headers or receivers', async () => {
  const { url, told } = await serve();
  const name = 'x\r\nBcc: other@example.org\r\n\r\nhello';
  await sendLetter(letterTo(url), { ...VIOLATION, name }, 10_000, never());
  expect(told.filter((line) => line.startsWith('RCPT'))).toEqual(['RCPT TO:<admin@example.org>']);
  expect(told.filter((line) => line.startsWith('Bcc'))).toEqual([]);
});

it('says what the server says, and nothing of the password', async () => {
  const { url } = await serve({ RCPT: '550 no such user' });
  await expect(sendLetter(letterTo(url), VIOLATION, 10_000, never())).rejects.toThrow(
    /^127\.0\.0\.1:\d+: it answers 550 no such user$/,
  );
  server?.close();
  const secret = url.replace('//', '//me:secret@');
  for (const socket of sockets.splice(0)) socket.destroy();
  await once(server!, 'close');
  const refused = sendLetter(letterTo(secret), VIOLATION, 10_000, never());
  await expect(refused).rejects.toThrow(/^127\.0\.0\.1:\d+: nobody answers$/);
});

it('waits no longer than it may for a server that says nothing', async () => {
  const { url } = await serve({ greeting: '' });
  await expect(sendLetter(letterTo(url), VIOLATION, 150, never())).rejects.toThrow('no end within 0.15 s');
  const stop = new AbortController();
  const sent = sendLetter(letterTo(url), VIOLATION, 10_000, stop.signal);
  setTimeout(() => stop.abort(), 50);
  await expect(sent).rejects.toThrow('the instance stopped first');
});
