import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ConfigDocument } from '../../../../src/config/edit/document.ts';

const TEXT = `# head

links:
  # the line
  wan:
    device: eth0
    up:
      # of the line
      rate: 20mbit

      # by order
      classes:
        # calls go first
        calls:
          # few
          rate: 1mbit
          match: { dscp: ef }
          # end of calls

        # guests come next
        # and last
        guests:
          ceil: 10mbit # at most
          match: { src: 10.0.9.0/24 }
          # end of guests
    # as sold
    down: 100mbit
`;

const edited = (edit: (document: ConfigDocument) => ConfigDocument): string => {
  const document = edit(ConfigDocument.parse(TEXT, 'x.yaml'));
  document.load();
  return document.text();
};

it('all stay where they are when a value changes', () => {
  expect(edited((document) => document.patchClass('wan/up/guests', { ceil: '5mbit' }))).toBe(
    TEXT.replace('10mbit', '5mbit'),
  );
});

it('those of a class go with it, and those of the next one stay', () => {
  const lines = TEXT.split('\n');
  const calls = lines.findIndex((line) => line.includes('calls go first'));
  const guests = lines.findIndex((line) => line.includes('guests come next'));
  const without = [...lines.slice(0, calls), ...lines.slice(guests)].join('\n');
  expect(edited((document) => document.removeClass('wan/up/calls'))).toBe(without);
});

it('those of a class move with it', () => {
  const moved = edited((document) => document.moveClass('wan/up/guests', 'wan/up/visitors', 'calls'));
  expect(moved.replaceAll(/^ +/gm, '')).toContain(
    '# guests come next\n# and last\nvisitors:\nceil: 10mbit # at most\nmatch: { src: 10.0.9.0/24 }\n# end of guests\n',
  );
  expect(moved.replaceAll(/^ +/gm, '')).toContain('# calls go first\ncalls:\n# few\nrate: 1mbit');
});

const ROOT = new URL('../../../../', import.meta.url);
const EXAMPLES = readdirSync(new URL('examples', ROOT), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => `examples/${name}`);
const commentsOf = (text: string): string[] => [...new Set(text.match(/#.*$/gm))].sort();

it.each(['shaper.yaml', ...EXAMPLES])('%s keeps every comment when a value changes', (name) => {
  const text = readFileSync(new URL(name, ROOT), 'utf8');
  const document = ConfigDocument.parse(text, name);
  const { up, down } = document.load().spec.links[0]!;
  const { path } = (up ?? down)!.children.at(-1)!;
  const after = document.patchClass(path, { burst: '10kB' });
  after.load();
  expect(commentsOf(after.text())).toEqual(commentsOf(text));
});
