/** What of the rules of other programs collides with ours, and which bits are free beside them. */
import { describe, expect, it } from 'vitest';
import { readIptablesRules, readMarkUsers, readNftRules } from '../../../../src/io/rules/foreign-rules.ts';
import {
  chooseMarkMask,
  findCollisions,
  type Neighbours,
  NO_NEIGHBOURS,
  type RulesRequest,
  readNeighbours,
  restoresBits,
} from '../../../../src/io/rules/index.ts';
import { useFakeTools } from './fake-tools.ts';

const tools = useFakeTools();

function request(markMask: number, isSteered = false): RulesRequest {
  return {
    plan: {
      directions: [{ device: 'wan0', direction: 'up', nfqueue: 0, fastNfqueue: isSteered ? 1 : null }],
      ...{ gso: [false, true], copyBytes: [128, 128], ecn: false, dscps: [] },
      ...{ moduleNfqueue: null, unreadNfqueue: 65535, sharesChains: true },
    },
    isTracked: false,
    nfqueue: {
      ...{ first: 100, count: 2, length: 1024, bypass: true },
      ...{ gso: 'auto', backend: 'auto', markMask },
    },
  };
}

const iptables = (...rules: string[]): Neighbours => ({
  ...NO_NEIGHBOURS,
  rules: readIptablesRules('iptables', `*mangle\n${rules.join('\n')}\nCOMMIT\n`),
});
const nft = (hook: string, priority: number, rule: string): Neighbours => ({
  ...NO_NEIGHBOURS,
  rules: readNftRules(
    `table inet fw {\n\tchain c {\n\t\ttype filter hook ${hook} priority ${priority}; policy accept;\n\t\t${rule}\n\t}\n}\n`,
  ),
});

const ZAPRET =
  '-A POSTROUTING -m mark ! --mark 0x40000000/0x40000000 -j NFQUEUE --queue-num 200 --queue-bypass';
const RESTORE = '-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff';
const SAVE = '-A PREROUTING -j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff';
const TOP = 0xff000000;
const NEXT = 0x00ff0000;

describe('the mark of auto', () => {
  it('is the highest that neither neighbours, nor other instances, nor the configuration use', () => {
    const masks = (first: number): Neighbours => ({ ...NO_NEIGHBOURS, masks: new Map([[first, TOP]]) });
    expect(chooseMarkMask(100, 0, NO_NEIGHBOURS)).toBe(TOP);
    expect(chooseMarkMask(100, 0, iptables(ZAPRET))).toBe(0x3fc00000);
    expect(chooseMarkMask(100, 0x00800000, iptables(ZAPRET))).toBe(0x007f8000);
    expect(chooseMarkMask(100, 0, masks(200))).toBe(NEXT);
    expect(chooseMarkMask(100, 0, masks(100))).toBe(TOP);
    expect(chooseMarkMask(100, 0, iptables('-A OUTPUT -j CONNMARK --set-xmark 0x1000000/0x1000000'))).toBe(
      NEXT,
    );
  });

  it('is null where no eight bits are free', () => {
    expect(chooseMarkMask(100, 0x01010101, NO_NEIGHBOURS)).toBeNull();
  });

  it('heeds rules that copy all bits without having chosen them no more than others', () => {
    expect(chooseMarkMask(100, 0, iptables(RESTORE, SAVE))).toBe(TOP);
  });
});

describe('a collision', () => {
  it('of bits names the rule and bits that are free', () => {
    expect(findCollisions(request(TOP), iptables(ZAPRET))).toEqual([
      `iptables -t mangle: \`${ZAPRET}\`: it uses bits of the packet mark that are ours (0xff000000), ` +
        'so each program erases what the other has written; nfqueue.mark: 0x3fc00000 would be free',
    ]);
    expect(findCollisions(request(NEXT), iptables(ZAPRET))).toEqual([]);
    const routing = {
      ...NO_NEIGHBOURS,
      rules: readMarkUsers('ip rule', '5: from all fwmark 0x1000000 lookup 7'),
    };
    expect(findCollisions(request(TOP), routing)).toHaveLength(1);
  });

  it.each([
    ['forward', 141, true],
    ['forward', 139, false],
    ['output', 150, true],
    ['input', 150, true],
    ['input', 170, false],
    ['postrouting', -200, true],
    ['postrouting', -150, false],
    ['prerouting', 200, false],
  ])('of a mark set as a whole exists on the way of ours only: %s %i: %s', (hook, priority, collides) => {
    const lines = findCollisions(request(TOP), nft(hook, priority, 'meta mark set 0x00000064'));
    expect(lines.map((line) => /erases our bits/.test(line))).toEqual(collides ? [true] : []);
  });

  it('of a rule that accepts packets of this host exists in the chain of our last rule', () => {
    const inTable = (table: string, rule: string): Neighbours => ({
      ...NO_NEIGHBOURS,
      rules: readIptablesRules('iptables', `*${table}\n${rule}\nCOMMIT\n`),
    });
    const accept = '-A OUTPUT -p udp -j ACCEPT';
    expect(findCollisions(request(TOP), inTable('security', accept))).toEqual([
      expect.stringMatching(
        /^iptables -t security: `-A OUTPUT -p udp -j ACCEPT`: it accepts .* routes these once/,
      ),
    ]);
    expect(findCollisions(request(TOP), inTable('filter', accept))).toEqual([]);
    expect(findCollisions(request(TOP), inTable('security', '-A FORWARD -j ACCEPT'))).toEqual([]);
    const own = request(TOP);
    const unshared = { ...own, plan: { ...own.plan, sharesChains: false } };
    expect(findCollisions(unshared, inTable('security', accept))).toEqual([]);
  });

  it('of connection marks exists only where connections are marked', () => {
    const neighbours = iptables(RESTORE, SAVE);
    expect(findCollisions(request(TOP), neighbours)).toEqual([]);
    const [restored, saved] = findCollisions(request(TOP, true), neighbours);
    expect(restored).toMatch(/copies our bits of the connection mark to packets.*--nfmask 0x00ffffff/);
    expect(saved).toMatch(/overwrites our bits of the connection mark/);
    expect(restoresBits(neighbours, TOP)).toBe(true);
    const masked = RESTORE.replaceAll('0xffffffff', '0xffffff');
    expect(restoresBits(iptables(masked), TOP)).toBe(false);
    expect(findCollisions(request(TOP, true), iptables(masked))).toEqual([]);
    const { plan, ...rest } = request(TOP);
    const directions = plan.directions.map((one) => ({ ...one, isHalf: true, isByMark: true }));
    const byMark = { ...rest, plan: { ...plan, directions } };
    expect(findCollisions(byMark, neighbours)).toEqual([restored, saved]);
  });

  it('of queue numbers is told', () => {
    const queue = (numbers: string): string[] =>
      findCollisions(request(TOP), iptables(`-A FORWARD -j NFQUEUE --queue-balance ${numbers}`));
    expect(queue('98:100')[0]).toContain('sends packets to our NFQUEUEs 100 to 101');
    expect([...queue('102:103'), ...queue('98:99')]).toEqual([]);
  });
});

describe('the tools', () => {
  const nftSays = (text: string): void =>
    tools.pretend('nft', `case "$*" in *ruleset*) cat <<'END'\n${text}\nEND\n;; *) ;; esac`);

  it('are asked once each, and a table that both show counts once', async () => {
    const table = 'table ip mangle {\n\tchain PREROUTING {\n\t\tcounter meta mark set 0x00000064\n\t}\n}';
    nftSays(`${table}\n${table.replace('mangle', 'mine')}`);
    tools.pretend(
      'iptables-nft-save',
      "printf '*mangle\\n-A PREROUTING -j MARK --set-xmark 0x64/0xffffffff\\nCOMMIT\\n'",
    );
    tools.pretend('ip6tables-nft-save', 'exit 1');
    tools.pretend('ip', 'case "$*" in *-4*) echo "7: from all fwmark 0x5 lookup 9";; esac');
    tools.pretend('tc', 'echo "filter parent 1: protocol ip pref 1 fw chain 0 handle 0x6 classid 1:1"');
    const { rules, isTracked } = await readNeighbours(['wan0']);
    expect(rules.map(({ where, packetBits }) => [where, packetBits])).toEqual([
      ['nft table ip mine, chain PREROUTING', 0x64],
      ['iptables -t mangle', 0x64],
      ['ip -4 rule', 5],
      ['tc filter show dev wan0', 6],
    ]);
    expect(isTracked).toBe(false);
  });

  it('may be missing, and rules of ours track nothing for others', async () => {
    nftSays('table inet shaper_100 {\n\tchain c {\n\t\tct mark set ct mark\n\t}\n}');
    for (const tool of ['iptables-nft-save', 'ip6tables-nft-save', 'ip', 'tc'])
      tools.pretend(tool, 'exit 127');
    expect(await readNeighbours(['wan0'])).toMatchObject({ rules: [], isTracked: false });
    nftSays('table inet fw {\n\tchain c {\n\t\tct state new accept\n\t}\n}');
    expect(await readNeighbours(['wan0'])).toMatchObject({ isTracked: true });
  });

  it('that may not list rules say so', async () => {
    tools.pretend('nft', 'case "$*" in *ruleset*) echo "Operation not permitted" >&2; exit 1;; esac');
    await expect(readNeighbours([])).rejects.toThrow(/listing the rules: Operation not permitted/);
  });
});
