import { expect, it } from 'vitest';
import { type RulesRequest, renderRules } from '../../../../src/io/rules/index.ts';
import { removeLines } from '../../../../src/io/rules/render-nft.ts';

const WANTED: RulesRequest = {
  plan: {
    directions: [{ device: 'br0', direction: 'up', nfqueue: 0, fastNfqueue: null }],
    gso: [false],
    copyBytes: [128],
    moduleNfqueue: null,
    unreadNfqueue: 65535,
    sharesChains: false,
    ecn: false,
    dscps: [],
  },
  nfqueue: {
    ...{ first: 7, count: 1, length: 1024, bypass: true, gso: false, backend: 'auto' },
    markMask: 0x00000ff0,
  },
};

it('packets that a bridge switches get a mark of their own, and the rules for IP leave them alone', () => {
  const lines = renderRules({ ...WANTED, sparesSwitched: true }, 'nft').split('\n');
  expect(lines.filter((line) => /^\w.* bridge /.test(line))).toEqual([
    'create table bridge shaper_7 { flags owner; }',
    'add chain bridge shaper_7 switched { type filter hook forward priority -300; policy accept; }',
    'add rule bridge shaper_7 switched meta mark set meta mark & 0xfffff00f | 0x000007f0',
    'add chain bridge shaper_7 left { type filter hook postrouting priority 300; policy accept; }',
    'add rule bridge shaper_7 left meta mark & 0x00000ff0 == 0x000007f0 meta mark set meta mark & 0xfffff00f',
  ]);
  expect(lines.filter((line) => line.includes(' forward '))).toEqual([
    'add chain bridge shaper_7 switched { type filter hook forward priority -300; policy accept; }',
    'add chain inet shaper_7 forward { type filter hook forward priority 140; policy accept; }',
    'add rule inet shaper_7 forward meta mark & 0x00000ff0 == 0x000007f0 accept',
    'add rule inet shaper_7 forward meta mark set meta mark & 0xfffff00f',
    'add rule inet shaper_7 forward oifname "br0" goto queue_0',
  ]);
});

it('without a bridge among the devices there is no table for bridges, and none is removed', () => {
  expect(renderRules(WANTED, 'nft')).not.toContain('bridge');
  expect(removeLines(WANTED)).toEqual(['delete table inet shaper_7']);
  expect(removeLines({ ...WANTED, sparesSwitched: true })).toEqual([
    'delete table bridge shaper_7',
    'delete table inet shaper_7',
  ]);
});
