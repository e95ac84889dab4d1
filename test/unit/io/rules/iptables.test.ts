import { beforeEach, describe, expect, it } from 'vitest';
import { addRules, deleteTagged, findIptables, tryNfqueue } from '../../../../src/io/rules/iptables.ts';
import { useFakeTools } from './fake-tools.ts';

const tools = useFakeTools();
const rule = (first: number): string =>
  `-A FORWARD -m mark --mark 0x1/0xff -m comment --comment "shaper:${first}" -j NFQUEUE --queue-num ${first}`;

/**
 * iptables-nft whose table has rules of the instances 100 and 200 and one of somebody else; ip6tables-nft has
 * none.
 */
beforeEach(() => {
  for (const tool of ['iptables-nft', 'ip6tables-nft']) {
    tools.pretend(tool, 'echo "$(basename $0) v1.8.9 (nf_tables)"');
    tools.pretend(`${tool}-restore`, '{ echo "$(basename $0) $*"; cat; } >> $LOG');
    tools.pretend(`${tool}-save`, 'echo "*security"');
  }
  const saved = [rule(100), rule(200), '-A FORWARD -j DROP'].join('\n');
  tools.pretend('iptables-nft-save', `cat <<'END'\n*security\n${saved}\nCOMMIT\nEND`);
});

describe('rules of the second back end', () => {
  it('are deleted by the tag of their instance, in one transaction, and no others', async () => {
    const removed = await deleteTagged(await findIptables(), (first) => first === 100);
    const deletion = rule(100).replace('-A', '-D');
    expect(removed).toEqual([`iptables-nft -t security ${deletion}`]);
    expect(tools.log()).toBe(`iptables-nft-restore --noflush -w 2\n*security\n${deletion}\nCOMMIT\n`);
  });

  it('that somebody else deletes at the same time are no failure', async () => {
    tools.pretend(
      'iptables-nft-restore',
      'echo "*security" > $LOG; printf "#!/bin/sh\\necho \\*security\\n" > $(dirname $0)/iptables-nft-save; echo "Bad rule" >&2; exit 1',
    );
    expect(await deleteTagged(await findIptables(), (first) => first === 100)).toEqual([]);
  });

  it('that cannot be deleted are a failure all the same', async () => {
    tools.pretend('iptables-nft-restore', 'echo x >> $LOG; echo "Bad rule" >&2; exit 1');
    await expect(deleteTagged(await findIptables(), (first) => first === 100)).rejects.toMatchObject({
      message: expect.stringContaining('iptables-nft: deleting the queue rules'),
    });
    expect(tools.log()).toBe('x\nx\nx\n');
  });

  it('go to both families', async () => {
    await addRules(await findIptables(), [rule(300)]);
    const asked = tools.log().split('\n');
    expect(asked.filter((line) => line === rule(300))).toHaveLength(2);
    expect(asked).toEqual(expect.arrayContaining(['iptables-nft-restore --noflush -w 2']));
    expect(asked).toEqual(expect.arrayContaining(['ip6tables-nft-restore --noflush -w 2']));
  });

  it('a family that refuses them is named', async () => {
    tools.pretend('ip6tables-nft-restore', 'cat > /dev/null; echo "Permission denied" >&2; exit 4');
    await expect(addRules(await findIptables(), [rule(300)])).rejects.toMatchObject({
      code: 'denied',
      message: expect.stringContaining('ip6tables-nft: adding the queue rules'),
    });
  });

  it('the probe leaves no rule: its transaction deletes it again', async () => {
    expect(await tryNfqueue(await findIptables())).toBeNull();
    const lines = tools.log().split('\n');
    const added = lines.filter((line) => line.startsWith('-A ')).map((line) => line.slice(3));
    const deleted = lines.filter((line) => line.startsWith('-D ')).map((line) => line.slice(3));
    expect(added).toHaveLength(2);
    expect(deleted).toEqual(added);
    tools.pretend('iptables-nft-restore', 'cat > /dev/null; echo "no target"; exit 2');
    expect(await tryNfqueue(await findIptables())).toBe('no target\n');
  });

  it('a variant without nf_tables is none', async () => {
    for (const tool of ['iptables-nft', 'iptables']) tools.pretend(tool, 'echo "iptables v1.8.9 (legacy)"');
    await expect(findIptables()).rejects.toMatchObject({ code: 'missing' });
  });
});
