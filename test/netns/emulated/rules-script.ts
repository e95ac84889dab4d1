/** The scenarios named as arguments; rules.test.ts runs this under a kernel with the nft queue statement. */
import { createLab } from '../../../bench/lab/lab.ts';
import { probeBackend } from '../../../src/io/rules/index.ts';
import { SCENARIOS } from '../rules-scenarios.ts';

const backend = await probeBackend('auto');
console.log(`back end ${backend}`);
// One lab for all, as making one takes seconds in an emulated machine.
const lab = await createLab();
const wanted = process.argv.slice(2);
for (const scenario of SCENARIOS.filter(({ name }) => wanted.includes(name))) {
  try {
    await lab.router.exec(['nft', 'flush', 'ruleset']);
    await scenario.run(lab, 'nft');
    console.log(`ok ${scenario.name}`);
  } catch (error) {
    console.log(`not ok ${scenario.name}: ${error instanceof Error ? error.stack : String(error)}`);
    process.exitCode = 1;
  }
}
await lab.close();
