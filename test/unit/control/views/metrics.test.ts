import { expect, it } from 'vitest';
import { metricsCommand } from '../../../../src/control/commands/metrics.ts';
import { Events } from '../../../../src/control/events.ts';
import { Samples } from '../../../../src/control/samples.ts';
import { Exposition } from '../../../../src/control/views/exposition.ts';
import { Highest } from '../../../../src/control/views/metrics.ts';
import { SUBJECT, snapshotOf } from '../sample.ts';

/** By name and labels. Refuses whatever a scraper would. */
function parse(text: string): Map<string, number> {
  const values = new Map<string, number>();
  const types = new Map<string, string>();
  expect(text.endsWith('\n')).toBe(true);
  for (const line of text.trimEnd().split('\n')) {
    const [, name, type] = /^# TYPE (\S+) (counter|gauge)$/.exec(line) ?? [];
    if (name !== undefined) {
      expect(types.has(name), `${name} twice`).toBe(false);
      types.set(name, type!);
    }
    if (line.startsWith('#')) continue;
    const parts = /^([a-z_]+)(\{(?:[a-z]+="(?:[^"\\\n]|\\[\\n"])*",?)+\})? (-?[\d.]+(?:e-?\d+)?)$/.exec(line);
    expect(parts, line).not.toBeNull();
    const key = `${parts![1]}${parts![2] ?? ''}`;
    expect(values.has(key), `${key} twice`).toBe(false);
    expect(types.get(parts![1]!), key).toBe(parts![1]!.endsWith('_total') ? 'counter' : 'gauge');
    values.set(key, Number(parts![3]));
  }
  return values;
}

const HOSTS = { known: 6, slowed: 2, stopped: 1, isStored: false, isPageServed: null };

it('has totals, classes, bounds, events and what the kernel refused', async () => {
  const events = new Events(() => 0);
  const seen = async () => ({ snapshot: snapshotOf(), kernel: { queueFull: 7, socketFull: 8 } });
  const metrics = metricsCommand({
    ...{
      subject: SUBJECT,
      samples: new Samples(),
      events,
      seen,
      flows: () => 5,
      hosts: () => HOSTS,
      warnings: () => [],
    },
  });
  events.emit('drops', {});
  const values = parse(await metrics());
  expect(Object.fromEntries(values)).toMatchObject({
    'shaper_info{version="1.2.3",backend="nft"}': 1,
    shaper_uptime_seconds: 1.5,
    shaper_received_packets_total: 100,
    shaper_accepted_bytes_total: 80_000,
    shaper_held_packets: 3,
    shaper_lost_packets_total: 2,
    shaper_flows: 5,
    shaper_hosts: 6,
    'shaper_hosts_limited{how="slowed"}': 2,
    'shaper_hosts_limited{how="stopped"}': 1,
    shaper_history_stored: 0,
    'shaper_refused_packets_total{reason="socket_full"}': 8,
    'shaper_events_total{type="drops"}': 1,
    'shaper_events_total{type="change"}': 0,
    'shaper_class_sent_packets_total{class="wan/up"}': 51,
    'shaper_class_sent_bytes_total{class="wan/up/bulk"}': 2000,
    'shaper_class_dropped_packets_total{class="wan/up/bulk",reason="early"}': 3,
    'shaper_class_backlog_bytes{class="wan/up/default"}': 200,
    'shaper_class_paced_connections{class="wan/up/bulk"}': 4,
    'shaper_class_paced_share_bytes_per_second{class="wan/up/bulk"}': 312_500,
    'shaper_class_paced_windows_total{class="wan/up/bulk"}': 1500,
    'shaper_class_paced_held_acks_total{class="wan/up/bulk"}': 70,
    'shaper_class_ceil_bytes_per_second{class="wan/down"}': 125,
  });
  expect(values.has('shaper_class_paced_connections{class="wan/up"}'), 'it does not pace').toBe(false);
});

it('a counter does not fall when the kernel loses a packet, and begins anew with a class that is made anew', () => {
  const highest = new Highest();
  const shown = [10, 9, 12, 3].map((count) => {
    highest.begin();
    return highest.of('a', count);
  });
  expect(shown).toEqual([10, 10, 12, 3]);
});

it('labels are escaped', () => {
  const out = new Exposition();
  out.gauge('x', 'An x.', [[{ class: 'a"b\\c\nd' }, 1]]);
  expect(out.toString()).toBe(
    '# HELP shaper_x An x.\n# TYPE shaper_x gauge\nshaper_x{class="a\\"b\\\\c\\nd"} 1\n',
  );
});

it('what has no limit is written as Prometheus reads it', () => {
  const out = new Exposition();
  out.gauge('x', 'An x.', [[{}, Number.POSITIVE_INFINITY]]);
  expect(out.toString()).toContain('\nshaper_x +Inf\n');
});
