/** Names of values: one value has one written form, whatever form was read. */
import { expect, it } from 'vitest';
import type { TextForm } from '../../../../src/config/fields/kinds.ts';
import {
  dscp,
  eightBits,
  packetMark,
  portRange,
  protocol,
  protocolItems,
} from '../../../../src/config/fields/names.ts';

it.each<[string, TextForm<unknown>, string, string]>([
  ['protocol', protocol, '6', 'tcp'],
  ['protocol', protocol, '1', '1'],
  ['protocol', protocol, 'icmp', 'icmp'],
  ['protocol', protocol, '0x11', 'udp'],
  ['protocol', protocol, '99', '99'],
  ['DSCP', dscp, 'df', 'be'],
  ['DSCP', dscp, 'EF', 'ef'],
  ['DSCP', dscp, '10', 'af11'],
  ['DSCP', dscp, '63', '63'],
  ['port', portRange, '80-80', '80'],
  ['port', portRange, '80-81', '80-81'],
  ['mark', packetMark, '16', '0x10'],
  ['mark', packetMark, '16/255', '0x10/0xff'],
  ['mask', eightBits, '255', '0x000000ff'],
])('%s: %3$s is written %4$s', (_, form, text, written) => {
  expect(form.write(form.read(text))).toBe(written);
});

it.each([
  ['icmp', [1, 58], [[1, 58]]],
  ['no icmp', [58, 1], [[58], [1]]],
  ['icmp between others', [6, 1, 58, 17], [[6], [1, 58], [17]]],
  ['icmp once', [1, 58, 58], [[1, 58], [58]]],
])('items of a list of protocols: %s', (_, numbers, items) => {
  expect(protocolItems(numbers)).toEqual(items);
});
