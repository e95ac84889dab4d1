// biome-ignore-all lint/suspicious/noThenProperty: a key of the configuration
import { expect, it } from 'vitest';
import { writeQuota } from '../../../../src/config/write/quotas.ts';
import { load } from '../helpers.ts';

const LINKS = 'links: { w: { device: e, up: 9mbit } }\nhosts: { names: { nas: 10.0.0.5 } }\n';
const WINDOW = 'windows: { over: 4h, up: 5GB }';
const written = (fields: string, detail: 'chosen' | 'all' = 'chosen') =>
  writeQuota(load(`${LINKS}quotas: { q: { ${WINDOW}, ${fields} } }`).spec.quotas[0]!, detail);
const windows = { over: '4h', up: '5GB' };

it.each([
  ['release: 100%', {}],
  ['release: 33.3%, warn: 0%', { release: '33.3%', warn: '0%' }],
  ['hosts: NAS', { hosts: ['nas'] }],
  ['hosts: { src: 10.0.0.0/8 }', { hosts: { src: ['10.0.0.0/8'] } }],
  [
    'hosts: [{ mac: 0050.8d68.5075 }, nas, { host: 10.0.0.9 }]',
    { hosts: [{ host: ['nas'] }, { mac: ['00:50:8d:68:50:75'] }, { host: ['10.0.0.9'] }] },
  ],
  ['then: [block, page]', { then: { block: 'true', page: 'true' } }],
  ['then: { block: false }', {}],
  ['then: [{ module: mine }, block]', { then: [{ block: 'true' }, { module: 'mine' }] }],
  ['then: { throttle: { up: 1mbit, down: 1000kbit } }', { then: { throttle: '1mbit' } }],
  ['then: { throttle: { down: 1mbit } }', { then: { throttle: { down: '1mbit' } } }],
  [
    'then: [{ exec: /bin/a }, { page: { allow: [nas, 10.0.0.1] } }, { webhook: "http://x/", mail: { to: a@b } }]',
    {
      then: [
        { page: { allow: ['nas', '10.0.0.1'] } },
        { exec: ['/bin/a'] },
        { webhook: 'http://x/', mail: { to: 'a@b' } },
      ],
    },
  ],
])('%s', (fields, said) => expect(written(fields)).toEqual({ windows, ...said }));

it('for people with all that applies', () => {
  const then = { mail: { to: 'a@b', from: 'shaper@localhost', server: 'smtp://localhost' } };
  expect(written('then: { mail: { to: a@b } }', 'all')).toEqual({ windows, release: '100%', then });
});
