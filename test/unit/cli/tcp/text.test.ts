import { expect, it, test } from 'vitest';
import { pictureText } from '../../../../src/cli/tcp/text.ts';
import { END, eventsOf, pictureOf, REPORT } from './fixture.ts';

it('draws segments by time and size, curves, and a table', () => {
  expect(pictureText(pictureOf(), { columns: 60, hasColor: false })).toMatchInlineSnapshot(`
    "wan/up, 4.0 s: goodput 5.80 kbit/s, 1 retransmission (33.33 %), share 6.00 kbit/s. This upload is slow.

       1 kB|  #          x                  R
      512 B|
      256 B|
      128 B|
       64 B|                          d
       32 B|..                 .                   .          .
            0                       2.0 s                  4.0 s
    . control: SYN, FIN, RST, pure ACK  # data  d duplicate ACK
    R retransmission  x dropped here

    tcp 10.1.0.2:40000 > 10.2.0.2:443
    bytes in flight  ▅▅▅▅▅▅▅████▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅  2.90 kB
    window before               ████████████████████ 128 kB
    window after                ████████████████████ 12.0 kB
    round trip                  ▅                  █ 40.0 ms

    connection      goodput  again  dup  held  dropped      rtt
    tcp 10.1.0.2:40000 > 10.2.0.2:443
                5.80 kbit/s      1    1     1        1  30.0 ms
    "
  `);
});

test.each([40, 80, 120, 200])('fits %d columns, but for the one line', (columns) => {
  const [, ...lines] = pictureText(pictureOf(), { columns, hasColor: false }).split('\n');
  const long = lines.filter((line) => line.length > Math.max(columns, 60));
  expect(long).toEqual([]);
});

test('colours say nothing that letters do not say', () => {
  const picture = pictureOf();
  const colored = pictureText(picture, { columns: 80, hasColor: true });
  expect(colored).toContain('\x1b[31mR\x1b[0m');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of colours
  const plain = colored.replace(/\x1b\[\d+m/g, '');
  expect(plain).toBe(pictureText(picture, { columns: 80, hasColor: false }));
});

test('without a segment there is the line alone', () => {
  const end = {
    ...END,
    connections: [],
    line: 'no segment of it came',
    total: { ...END.total, connections: 0 },
  };
  const text = pictureText(pictureOf(eventsOf(end, [])), { columns: 80, hasColor: false });
  expect(text).toBe('wan/up, 4.0 s: no segment of it came\n');
});

test('says what was missed and is not shown, and how many connections there are', () => {
  const total = { ...END.total, connections: 30, missed: 5, untold: 7 };
  const end = { ...END, total, connections: new Array(20).fill(REPORT) };
  const text = pictureText(pictureOf(eventsOf(end)), { columns: 80, hasColor: false });
  expect(text).toContain('5 segments were not read in time, 7 were counted and are not shown.');
  expect(text).toContain('20 more connections');
});
