/** Which back ends this kernel has. */
import type { Backend } from '../../src/io/rules/index.ts';
import { createLab } from './harness.ts';
import { netnsMissing } from './missing.ts';
import { Driver } from './rules-bed.ts';

/** What the probe says where the kernel or a tool lacks the back end; anything else is a fault. */
const ABSENT: readonly string[] = ['unsupported', 'missing'];

/**
 * Throws when probing fails or no back end works. Probed in a lab: probing may leave an empty iptables table.
 */
export async function capabilities(): Promise<Record<Backend, boolean>> {
  if (netnsMissing()) return { nft: false, iptables: false };
  const lab = await createLab();
  try {
    const driver = new Driver(lab.router);
    const works = async (backend: Backend): Promise<boolean> => {
      const { error } = await driver.ask('probe', backend);
      if (error && !ABSENT.includes(error.code)) throw new Error(`probing ${backend}: ${error.message}`);
      return !error;
    };
    const found = { nft: await works('nft'), iptables: await works('iptables') };
    if (!found.nft && !found.iptables)
      throw new Error('NFQUEUE is there, but no back end works: nothing is tested');
    return found;
  } finally {
    await lab.close();
  }
}
