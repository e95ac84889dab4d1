/** Which back ends this kernel has. */
import type { Backend } from '../../src/io/rules/index.ts';
import { createLab, netnsMissing } from './harness.ts';
import { Driver } from './rules-bed.ts';

/** Probed in a lab: probing may leave an empty iptables table. */
export async function capabilities(): Promise<Record<Backend, boolean>> {
  if (netnsMissing()) return { nft: false, iptables: false };
  const lab = await createLab();
  try {
    const driver = new Driver(lab.router);
    const works = async (backend: Backend): Promise<boolean> => !(await driver.ask('probe', backend)).error;
    return { nft: await works('nft'), iptables: await works('iptables') };
  } finally {
    await lab.close();
  }
}
