import { describe, expect, it } from 'vitest';
import { parsePing } from '../../../bench/lab/measure.ts';
import { receivedBitsPerSec } from '../../../bench/lab/udp.ts';
import { median, quantile } from '../../../bench/statistics.ts';
import { rate, renderTable, spread } from '../../../bench/table.ts';

const PING = `PING 10.77.2.2 (10.77.2.2) 56(84) bytes of data.
64 bytes from 10.77.2.2: icmp_seq=1 ttl=63 time=0.046 ms
64 bytes from 10.77.2.2: icmp_seq=2 ttl=63 time=12.5 ms
64 bytes from 10.77.2.2: icmp_seq=2 ttl=63 time=12.9 ms (DUP!)
64 bytes from 10.77.2.2: icmp_seq=6 ttl=63 time=3 ms

--- 10.77.2.2 ping statistics ---
8 packets transmitted, 3 received, +1 duplicates, 62.5% packet loss, time 142ms
rtt min/avg/max/mdev = 0.046/5.182/12.500/5.301 ms
`;

describe('ping output', () => {
  it('gives round trips without duplicates, and the longest silence as a time', () => {
    expect(parsePing(PING, 20)).toEqual({
      sent: 8,
      received: 3,
      rttsMs: [0.046, 12.5, 3],
      medianMs: 3,
      maxMs: 12.5,
      gapMs: 60, // requests 3, 4 and 5
    });
  });

  it('counts unanswered requests at the end', () => {
    expect(parsePing('4 packets transmitted, 0 received, 100% packet loss, time 60ms', 50).gapMs).toBe(200);
  });
});

describe('numbers', () => {
  it('median of an even and an odd number of values', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2])]).toEqual([2, 2.5]);
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect([median([]), spread([]).max]).toEqual([Number.NaN, Number.NaN]);
  });

  it('a quantile is a value that was measured', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2);
    expect(quantile([4, 1, 3, 2], 0.99)).toBe(4);
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('a received rate does not count the packet that starts the clock', () => {
    // 11 packets of 1000 B, one per millisecond: 10 intervals carry 10 packets, 8 Mbit/s.
    expect(receivedBitsPerSec({ packets: 11, bytes: 11_000, firstNs: 0, lastNs: 10e6 })).toBe(8e6);
    expect(receivedBitsPerSec({ packets: 1, bytes: 1000, firstNs: 5, lastNs: 5 })).toBe(0);
  });

  it('rates read as people say them', () => {
    expect([rate(64e3), rate(20e6), rate(1.234e9)]).toEqual(['64.0 kbit/s', '20.00 Mbit/s', '1.23 Gbit/s']);
  });

  it('a table is as wide as its widest cells', () => {
    expect(renderTable(['a', 'number'], [['long name', '5']], true)).toBe(
      ['a          number', '---------  ------', 'long name       5'].join('\n'),
    );
  });
});
