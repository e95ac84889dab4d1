/** An event as a person reads it: `14:03:59 change: wan/up/guests ceil: 10mbit -> 5mbit`. */
import { printable } from '../../base/printable.ts';
import { formatBytesShort } from '../../base/units.ts';
import type { ConfigChange } from '../../config/edit/changes.ts';
import { changeLine } from './print.ts';

interface Event {
  readonly id: number;
  readonly type: string;
  readonly at: string;
  readonly [key: string]: unknown;
}

/** `json` is the data of the event. */
export function eventText(json: string): string {
  const event = JSON.parse(json) as Event;
  const time = new Date(event.at).toTimeString().slice(0, 8);
  const tell = TEXTS[event.type] ?? dataText;
  return printable(`${time} ${event.type}: ${tell(event)}`);
}

const TEXTS: Readonly<Record<string, (event: Event) => string>> = {
  change: ({ changes }) => (changes as readonly ConfigChange[]).map(changeLine).join('; '),
  reload: ({ action, file, changes }) =>
    `${action}, ${file}, ${(changes as readonly object[]).length} changes`,
  lease: ({ action, lease, path, set, until, reason }) =>
    `${lease} ${action}: ${path} ${JSON.stringify(set)}${until ? ` until ${until}` : ''}${reason ? ` (${reason})` : ''}`,
  attachment: ({ action, subject, classes, reason }) =>
    `${subject} ${action === 'ended' ? 'attached no longer' : `-> ${(classes as string[]).join(' and ')}`}${reason ? ` (${reason})` : ''}`,
  drops: (event) =>
    `${event.path} ${event.state === 'began' ? 'drops packets' : 'drops no more'}${spanText(event)}`,
  overload: (event) =>
    `${event.state === 'began' ? event.message : `no more: ${event.message}`}${spanText(event)}`,
  'pace-off': ({ path, flow, reason }) => `${path} paces ${flow} no longer: ${reason}`,
  device: ({ device, message }) => `${device}: ${message}`,
  quota: (event) =>
    `${event.name || event.host} ${QUOTA_STATES[event.to as keyof typeof QUOTA_STATES]} ${event.quota}: ` +
    `${event.direction} ${formatBytesShort(event.usedBytes as number)} of ` +
    `${formatBytesShort(event.limitBytes as number)} in ${event.over}`,
  module: ({ label, action, reason }) => `${label} ${action}${reason ? `: ${reason}` : ''}`,
  spoof: ({ message }) => `${message}`,
  gap: ({ reason }) =>
    reason === 'restart' ? 'the instance is another one; earlier events are lost' : 'earlier events are lost',
};

const QUOTA_STATES = { ok: 'is within', warned: 'is near the limit of', exceeded: 'is over the limit of' };

function spanText({ packets, count, seconds }: Event): string {
  return seconds === undefined ? '' : ` (${packets ?? count} in ${seconds} s)`;
}

function dataText({ id, type, at, ...data }: Event): string {
  return JSON.stringify(data);
}
