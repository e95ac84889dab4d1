import { expect, it } from 'vitest';
import { deletionOfEmpty } from '../../../../src/io/rules/built-in-tables.ts';

const CHAINS = ['INPUT', 'OUTPUT']
  .map(
    (name) =>
      `\tchain ${name} {\n\t\ttype filter hook ${name.toLowerCase()} priority 150; policy accept;\n\t}\n`,
  )
  .join('\n');

it('deletes a table of empty base chains, chain by chain, so that a new rule stops it', () => {
  const warning = '# Warning: table ip security is managed by iptables-nft, do not touch!\n';
  expect(deletionOfEmpty('ip security', `${warning}table ip security {\n${CHAINS}}\n`)).toBe(
    'delete chain ip security INPUT\ndelete chain ip security OUTPUT\ndelete table ip security\n',
  );
});

it.each([
  ['a rule', CHAINS.replace('accept;\n', 'accept;\n\t\ttcp dport 25 drop\n')],
  ['a policy', CHAINS.replace('accept', 'drop')],
  ['a chain of its own', `${CHAINS}\n\tchain mine {\n\t}\n`],
  ['a set', `\tset s {\n\t\ttype ipv4_addr\n\t}\n\n${CHAINS}`],
])('leaves a table with %s', (_, chains) => {
  expect(deletionOfEmpty('ip security', `table ip security {\n${chains}}\n`)).toBe(null);
});

it('leaves what could not be listed', () => {
  expect(deletionOfEmpty('ip security', '')).toBe(null);
});
