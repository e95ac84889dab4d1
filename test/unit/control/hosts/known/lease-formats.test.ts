import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLeases } from '../../../../../src/control/hosts/known/lease-formats.ts';
import { addressText } from '../../../../../src/packet/address-text.ts';
import { runs } from '../../../../effort.ts';

/** Leases as lines: address, MAC or client, name. */
function read(text: string): string[] | null {
  const log = parseLeases(text);
  if (log === null) return null;
  return [...log].map(([key, lease]) => {
    if (lease === null) return `${key} has ended`;
    const { address, mac, client, name } = lease;
    const macText = mac
      ? mac.high.toString(16).padStart(4, '0') + mac.low.toString(16).padStart(8, '0')
      : client;
    return `${addressText(address.family, address.words)} ${macText} ${name}`;
  });
}

const DNSMASQ = `1700000000 00:50:8d:68:50:75 10.0.0.12 flat-12 01:00:50:8d:68:50:75
1700000001 02:AA:00:00:00:01 10.0.0.13 * *
0 02:aa:00:00:00:02 10.0.0.14 nas *
1700000002 06-02:aa:00:00:00:03 10.0.0.15 token-ring *
duid 00:01:00:01:2c:aa:bb:cc:00:50:8d:68:50:75
1700000003 12345678 2001:db8::12 flat-12 00:03:00:01:00:50:8d:68:50:75
1700000004 T2345 2001:db8::13 * 00:04:aa
`;

const ISC = `# The format of this file is documented in the dhcpd.leases(5) manual page.
# This lease file was written by isc-dhcp-4.4.3-P1

authoring-byte-order little-endian;
server-duid "\\000\\001\\000\\001,{};\\"";

lease 10.0.0.12 {
  starts 4 2023/11/16 10:00:00;
  ends 4 2023/11/16 22:00:00;
  tstp 4 2023/11/16 22:00:00;
  cltt 4 2023/11/16 10:00:00;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 00:50:8d:68:50:75;
  uid "\\001\\000P\\215hPu";
  set vendor-class-identifier = "MSFT; 5.0 }";
  client-hostname "Flat 12";
  on expiry {
    set binding = "x";
    binding state free;
  }
}
lease 10.0.0.13 {
  binding state active;
  hardware ethernet 02:aa:00:00:00:01;
  client-hostname "K\\303\\274che";
}
lease 10.0.0.14 {
  binding state active;
  hardware ethernet 02:aa:00:00:00:02;
}
lease 10.0.0.13 {
  binding state free;
  hardware ethernet 02:aa:00:00:00:01;
}
ia-na "\\000\\000\\000\\001" {
  cltt 4 2023/11/16 10:00:00;
  iaaddr 2001:db8::5 {
    binding state active;
    preferred-life 375;
  }
}
lease 10.0.0.12 {
  binding state active;
  hardware ethernet 02:aa:00:00:00:09;
  client-hostname "other";
}
`;

const KEA4 = `address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
10.0.0.12,00:50:8d:68:50:75,01:00:50:8d:68:50:75,3600,1700003600,1,0,0,flat-12.lan.,0,,0
10.0.0.13,02:aa:00:00:00:01,,3600,1700003600,1,0,0,a&#x2cb,0,{ "x": 1 },0
10.0.0.14,02:aa:00:00:00:02,,3600,1700003600,1,0,0,gone,0,,0
10.0.0.15,,,86400,1700003600,1,0,0,,1,,0
10.0.0.16,02:aa:00:00:00:04,,3600,1700003600,1,0,0,reclaimed,2,,0
10.0.0.14,02:aa:00:00:00:02,,0,1700000000,1,0,0,gone,0,,0
10.0.0.12,02:aa:00:00:00:0c,01:02:aa:00:00:00:0c,3600,1700007200,1,0,0,new,0,,0
10.0.0.17,02:aa:00:00`;

const KEA6 = `address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state,user_context,hwtype,hwaddr_source
2001:db8::12,00:03:00:01:00:50:8d:68:50:75,3600,1700003600,1,1800,0,7,128,0,0,flat-12,00:50:8d:68:50:75,0,,1,1
2001:db8::13,00:01:00:01:aa,3600,1700003600,1,1800,0,7,128,0,0,duid-only,02:aa:00:00:00:02,0,,1,2
2001:db8:1::,00:01:00:01:bb,3600,1700003600,1,1800,2,7,56,0,0,router,,0,,,
`;

describe('leases', () => {
  it('of dnsmasq: a MAC where the lease has one, names, leases of IPv6 by their client', () => {
    expect(read(DNSMASQ)).toEqual([
      '10.0.0.12 00508d685075 flat-12',
      '10.0.0.13 02aa00000001 null',
      '10.0.0.14 02aa00000002 nas',
      // Hardware of another kind has no MAC.
      '10.0.0.15 * token-ring'.replace('*', '167772175,0,0,0'),
      '2001:db8::12 00:03:00:01:00:50:8d:68:50:75 flat-12',
      '2001:db8::13 00:04:aa null',
    ]);
  });

  it('of ISC dhcpd: the last entry of an address holds, if it is active', () => {
    expect(read(ISC)).toEqual([
      '10.0.0.14 02aa00000002 null',
      '4 167772173,0,0,0 has ended',
      '10.0.0.12 02aa00000009 other',
    ]);
    expect(read(ISC.slice(0, ISC.indexOf('lease 10.0.0.14')))).toEqual([
      '10.0.0.12 00508d685075 flat-12',
      '10.0.0.13 02aa00000001 kuche',
    ]);
  });

  it('of Kea: columns by their names, the last line of an address holds, if it has not ended', () => {
    expect(read(KEA4)).toEqual([
      '10.0.0.13 02aa00000001 a-b',
      '4 167772175,0,0,0 has ended',
      '4 167772176,0,0,0 has ended',
      '4 167772174,0,0,0 has ended',
      '10.0.0.12 02aa0000000c new',
    ]);
    expect(read(KEA6)).toEqual([
      '2001:db8::12 00508d685075 flat-12',
      // That MAC may be of another card of the device.
      '2001:db8::13 00:01:00:01:aa duid-only',
    ]);
    // Before columns of later versions were there.
    expect(read('address,hwaddr,client_id,valid_lifetime\n10.0.0.1,02:00:00:00:00:01,,9\n')).toEqual([
      '10.0.0.1 020000000001 null',
    ]);
  });

  it('of a file that is being written are those that are complete', () => {
    const whole = (text: string, end: string): number =>
      (read(text.slice(0, text.indexOf(end))) ?? []).length;
    expect(whole(DNSMASQ, ' nas *')).toBe(2);
    expect(whole(ISC, 'client-hostname "K')).toBe(1);
    // A text in quotes breaks off.
    expect(whole(ISC, '\\303\\274che')).toBe(1);
    expect(whole(KEA4, ',a&#x2cb')).toBe(1);
    // What broke off when the server died stands before what it wrote next.
    expect(
      read('lease 10.0.0.1 {\n  binding state active;\nlease 10.0.0.2 {\n  binding state active;\n}\n'),
    ).toEqual(['10.0.0.2 167772162,0,0,0 null']);
  });

  it('with addresses and MACs that cannot be are passed over', () => {
    expect(
      read(
        [
          '1 00:50:8d:68:50:75 10.0.0.300 a *',
          '1 00:50:8d:68:50:75 10.0.0.0/24 b *',
          '1 ff:ff:ff:ff:ff:ff 10.0.0.1 c client',
          '1 00:00:00:00:00:00 10.0.0.2 d client',
          '1 00:50:8d:68:50:75 10.0.0.3 <b>e</b> * too many words',
          'x 00:50:8d:68:50:75 10.0.0.3 f *',
        ].join('\n'),
      ),
    ).toEqual(['10.0.0.1 client c', '10.0.0.2 client d']);
  });

  it('of a file of another kind are none, and an empty file is an empty one', () => {
    expect(read('\n')).toEqual([]);
    expect(read('<html>hello</html>')).toBeNull();
    expect(read('root:x:0:0:root:/root:/bin/bash\n')).toBeNull();
    expect(read('\u0000\u0001\u0002')).toBeNull();
  });

  it('never throw, wherever a file breaks off and whatever stands in it', () => {
    const files = [DNSMASQ, ISC, KEA4, KEA6];
    const piece = fc.tuple(
      fc.constantFrom(...files),
      fc.nat(),
      fc.nat(),
      fc.array(fc.nat(0x10ffff), { maxLength: 20 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 4 }), (pieces) => {
        const text = pieces
          .map(
            ([file, from, to, noise]) =>
              String.fromCodePoint(...noise) + file.slice(from % file.length, to % file.length),
          )
          .join('');
        for (const lease of parseLeases(text)?.values() ?? []) {
          if (lease?.name) expect(lease.name).toMatch(/^[a-z\d_.-]{1,63}$/);
        }
      }),
      { numRuns: runs(200) },
    );
  });
});
