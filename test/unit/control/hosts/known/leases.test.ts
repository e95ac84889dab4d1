import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LeaseFiles } from '../../../../../src/control/hosts/known/leases.ts';
import { addressText } from '../../../../../src/packet/address-text.ts';

const line = (last: number, name: string): string =>
  `1700000000 00:50:8d:68:50:${String(last).padStart(2, '0')} 10.0.0.${last} ${name} *\n`;
const KEA = 'address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state\n';
const kea = (last: number, name: string, lifetime = 60): string =>
  `10.0.0.${last},02:00:00:00:00:${String(last).padStart(2, '0')},,${lifetime},1,1,0,0,${name},0\n`;

describe('files of leases', () => {
  let folder: string;
  let files: LeaseFiles;
  const told: string[][] = [];
  const warnings: unknown[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'leases-'));
    told.length = 0;
    warnings.length = 0;
    files = new LeaseFiles({
      onLeases: (leases) =>
        told.push(leases.map(({ address, name }) => `${addressText(address.family, address.words)} ${name}`)),
      warn: (message, fields) => warnings.push([message, (fields as { reason: string }).reason]),
    });
  });
  afterEach(() => {
    files.close();
    rmSync(folder, { recursive: true });
  });
  const at = (name: string): string => join(folder, name);

  it('are read at once, and again when they have changed', async () => {
    writeFileSync(at('a'), line(12, 'flat-12'));
    writeFileSync(at('b'), KEA + kea(7, 'nas'));
    files.follow([at('a'), at('b')]);
    await files.look();
    expect(told.splice(0)).toEqual([['10.0.0.12 flat-12', '10.0.0.7 nas']]);
    await files.look();
    expect(told).toEqual([]);
    appendFileSync(at('a'), line(13, 'flat-13'));
    await files.look();
    expect(told.splice(0)).toEqual([['10.0.0.12 flat-12', '10.0.0.13 flat-13', '10.0.0.7 nas']]);
    // The same length, another time.
    writeFileSync(at('a'), line(12, 'flat-21') + line(13, 'flat-31'));
    utimesSync(at('a'), 1, 1);
    await files.look();
    expect(told.splice(0)).toEqual([['10.0.0.12 flat-21', '10.0.0.13 flat-31', '10.0.0.7 nas']]);
    expect(warnings).toEqual([]);
  });

  it('are read when their folder says that something has changed', async () => {
    writeFileSync(at('a'), line(12, 'flat-12'));
    files.follow([at('a')]);
    await files.look();
    told.length = 0;
    // As dnsmasq's successor and ISC dhcpd do it: a new file takes the place.
    writeFileSync(at('a.new'), line(13, 'flat-13'));
    renameSync(at('a.new'), at('a'));
    await vi.waitFor(() => expect(told).toEqual([['10.0.0.13 flat-13']]), { timeout: 8000, interval: 20 });
  });

  it('that cannot be read are told once, and what they said holds', async () => {
    files.follow([at('later/a')]);
    await files.look();
    await files.look();
    expect(warnings.splice(0)).toEqual([
      ['the leases cannot be read; what they said before holds', expect.stringMatching(/^ENOENT/)],
    ]);
    mkdirSync(at('later'));
    writeFileSync(at('later/a'), line(12, 'flat-12'));
    await files.look();
    expect(told.splice(0)).toEqual([['10.0.0.12 flat-12']]);

    writeFileSync(at('later/a'), '<html>');
    await files.look();
    await files.look();
    expect(warnings.splice(0)).toEqual([
      [expect.anything(), expect.stringMatching(/not a file of leases of dnsmasq/)],
    ]);
    rmSync(at('later/a'));
    mkdirSync(at('later/a'));
    await files.look();
    expect(warnings.splice(0)).toEqual([[expect.anything(), expect.stringMatching(/is not a file$/)]]);
    expect(told).toEqual([]);
  });

  it('that are too long are not read', async () => {
    writeFileSync(at('a'), Buffer.alloc((16 << 20) + 1, 'x'));
    files.follow([at('a')]);
    await files.look();
    expect(warnings).toEqual([
      [expect.anything(), expect.stringMatching(/16777217 bytes, more than 16777216/)],
    ]);
  });

  it('of Kea stand beside older ones', async () => {
    writeFileSync(at('a.2'), KEA + kea(1, 'one') + kea(2, 'two') + kea(3, 'three'));
    writeFileSync(at('a.1'), KEA + kea(2, 'two-b') + kea(3, 'three', 0));
    writeFileSync(at('a'), KEA + kea(4, 'four'));
    files.follow([at('a')]);
    await files.look();
    expect(told.splice(0)).toEqual([['10.0.0.1 one', '10.0.0.2 two-b', '10.0.0.4 four']]);
    // The server has tidied up: the older two have become one.
    writeFileSync(at('a.completed'), KEA + kea(1, 'one') + kea(2, 'two-c'));
    await files.look();
    expect(told.splice(0)).toEqual([['10.0.0.1 one', '10.0.0.2 two-c', '10.0.0.4 four']]);
    // Files that happen to be beside those of another server are none of ours.
    writeFileSync(at('b'), line(12, 'flat-12'));
    writeFileSync(at('b.1'), line(13, 'flat-13'));
    files.follow([at('b')]);
    await files.look();
    expect(told.at(-1)).toEqual(['10.0.0.12 flat-12']);
  });

  it('that nobody wants any more have no leases', async () => {
    writeFileSync(at('a'), line(12, 'flat-12'));
    writeFileSync(at('b'), line(13, 'flat-13'));
    files.follow([at('a'), at('b')]);
    await files.look();
    told.length = 0;
    files.follow([at('b')]);
    expect(told).toEqual([['10.0.0.13 flat-13']]);
    files.follow([]);
    expect(told.at(-1)).toEqual([]);
  });
});
