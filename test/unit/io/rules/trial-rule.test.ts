import { beforeEach, describe, expect, it } from 'vitest';
import type { NftSession } from '../../../../src/io/rules/nft-session.ts';
import { chainLines } from '../../../../src/io/rules/render-nft.ts';
import { withTrialRule } from '../../../../src/io/rules/trial-rule.ts';
import { planQueues } from '../../../../src/spec/queue-plan.ts';
import { shaper } from '../../../sim/world.ts';
import { useFakeTools } from './fake-tools.ts';

const flow = { address: '127.0.0.1', sourcePort: 40001, targetPort: 40002 };
const RULE = { flow, first: 100, hook: 'output' } as const;
const QUEUES = '-m comment --comment shaper:100 -j NFQUEUE --queue-num 100 --queue-bypass';

/** A session of nft that writes down what it is asked. */
function fakeSession(): { session: NftSession; asked: string[] } {
  const asked: string[] = [];
  const run = async (_: string, lines: readonly string[]): Promise<string> => {
    asked.push(...lines);
    return '';
  };
  return { session: { run } as unknown as NftSession, asked };
}

describe('the rule of a trial', () => {
  it('of nft stands in a base chain that the installation makes in the same words, and goes alone', async () => {
    const { session, asked } = fakeSession();
    const seen = await withTrialRule(session, 'nft', RULE, async () => [...asked]);
    const [chain, rule] = seen as [string, string];
    const spec = shaper({ wan: { up: { rate: 1e6, burst: 1 } } });
    expect(chainLines({ plan: planQueues(spec), nfqueue: { ...spec.nfqueue, first: 100 } }, 'nft')).toContain(
      chain,
    );
    expect(rule).toBe(
      'add rule inet shaper_100 output ip saddr 127.0.0.1 ip daddr 127.0.0.1 tcp sport 40001 tcp dport 40002 ' +
        'queue flags bypass to 100',
    );
    expect(asked.slice(2)).toEqual(['flush chain inet shaper_100 output']);
  });

  describe('of iptables', () => {
    const tools = useFakeTools();
    beforeEach(() => {
      for (const tool of ['iptables-nft', 'ip6tables-nft']) {
        tools.pretend(tool, 'echo "$(basename $0) v1.8.9 (nf_tables)"');
        tools.pretend(`${tool}-restore`, '{ echo "$(basename $0)"; grep NFQUEUE; } >> $LOG');
      }
    });

    it('is for IPv4 alone, carries our tag, and goes again, also after a failure', async () => {
      const { session } = fakeSession();
      const rule = `OUTPUT -s 127.0.0.1 -d 127.0.0.1 -p tcp --sport 40001 --dport 40002 ${QUEUES}`;
      const failing = withTrialRule(session, 'iptables', RULE, async () => {
        expect(tools.log()).toBe(`iptables-nft-restore\n-I ${rule}\n`);
        throw new Error('of the trial');
      });
      await expect(failing).rejects.toThrow('of the trial');
      expect(tools.log()).toBe(`iptables-nft-restore\n-I ${rule}\niptables-nft-restore\n-D ${rule}\n`);
    });

    it('may have gone already', async () => {
      const { session } = fakeSession();
      const broken = 'cat > /dev/null; echo "Bad rule" >&2; exit 1';
      const answer = withTrialRule(session, 'iptables', RULE, async () => {
        tools.pretend('iptables-nft-restore', broken);
        return 'taken';
      });
      expect(await answer).toBe('taken');
    });

    it('that is refused is an error, and nothing is tried', async () => {
      tools.pretend('iptables-nft-restore', 'cat > /dev/null; echo "no tcp match" >&2; exit 1');
      const { session } = fakeSession();
      let isTried = false;
      const answer = withTrialRule(session, 'iptables', RULE, async () => {
        isTried = true;
      });
      await expect(answer).rejects.toMatchObject({ name: 'RulesError' });
      expect(isTried).toBe(false);
    });
  });
});
