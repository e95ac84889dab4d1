/** A flow that its class paces: when that is its limit, and in which words it is told. */
import { expect, it } from 'vitest';
import { NONE } from '../../../../src/base/none.ts';
import { ConfigDocument } from '../../../../src/config/edit/document.ts';
import { KnownClasses } from '../../../../src/control/why/classes.ts';
import type { Evidence, Watched } from '../../../../src/control/why/evidence.ts';
import { type Limit, limitOf } from '../../../../src/control/why/limit.ts';
import { detailOf, sentenceOf } from '../../../../src/control/why/sentence.ts';
import { createFlowRecord } from '../../../../src/core/flows/flow-reader.ts';
import { createStats } from '../../../../src/core/packets/stats.ts';
import { snapshotOf } from '../sample.ts';

const YAML = `links:
  wan:
    device: eth0
    up:
      rate: 20mbit
      classes:
        web:
          ceil: 8mbit
          match: { dport: 443 }
          tcp: { pace: true }
          classes: { video: { match: { dscp: af41 } } }
`;

interface Case {
  /** What the flow has sent in half a second. */
  readonly sentBytes: number;
  readonly leaf?: string;
  readonly isTcp?: boolean;
  readonly connections?: number;
  readonly shareBytesPerSec?: number;
  readonly cut?: number;
  readonly held?: number;
}

function look(one: Case): { limit: Limit; sentence: string; detail: string } {
  const { leaf = 'wan/up/web/video', isTcp = true, connections = 4, shareBytesPerSec = 250_000 } = one;
  const document = ConfigDocument.parse(YAML, '/etc/shaper.yaml');
  const known = new KnownClasses(document.load(), document);
  const classes = known.list.map(({ path, parent, spec }) => ({
    ...{ path, parent, rateBytesPerSec: spec.rateBytesPerSec, ceilBytesPerSec: spec.ceilBytesPerSec },
    isPaced: spec.pace !== null,
  }));
  const rowOf = (path: string): number => classes.findIndex((label) => label.path === path);
  const [stats, statsBefore] = [createStats(classes.length), createStats(classes.length)];
  const web = rowOf('wan/up/web');
  stats.pacedConnections[web] = connections;
  stats.shareBytesPerSec[web] = shareBytesPerSec;
  stats.windowsRewritten[web] = 1000 + (one.cut ?? 50);
  statsBefore.windowsRewritten[web] = 1000;
  stats.acksHeld[web] = one.held ?? 0;
  stats.sentBytes[web] = 500_000;
  // The standing queue that pacing leaves: its packets wait at every look.
  const record = {
    ...{ protocol: isTcp ? 6 : 17, isTcp, leaf: rowOf(leaf), secondLeaf: NONE },
    ...{ waitedNs: 10e9, backlogPackets: 2, dropClass: NONE, eachClass: NONE },
  };
  const packets = { receivedPackets: 900, receivedBytes: 900 * 1400 };
  const flow: Watched = {
    isForth: true,
    before: { ...createFlowRecord(), ...record, ...packets },
    now: { ...createFlowRecord(), ...record, ...packets, sentBytes: one.sentBytes },
    ...{ waitingShare: 1, each: [], eachBefore: [], limits: [], limitsBefore: [], owner: null },
  };
  const none = { policeTokens: null, ceilTokens: 0, rateTokens: null };
  const states = (boundNs: number) =>
    new Map(
      classes.map(({ path, ceilBytesPerSec }) => {
        const isBound = path === 'wan/up/web';
        return [path, { path, ...none, ceilBytesPerSec, boundNs: isBound ? boundNs : 0, boundUntilNs: 10e9 }];
      }),
    );
  const evidence: Evidence = {
    ...{ flows: [flow], total: 1, seconds: 0.5, flowSeconds: 0.5, nowNs: 10e9, active: [] },
    before: snapshotOf(statsBefore, { classes, stats: statsBefore }),
    now: snapshotOf(stats, { classes, stats }),
    ...{ statesBefore: states(0), states: states(4e8), devices: new Map() },
  };
  const limit = limitOf(flow, evidence, known);
  return {
    limit,
    sentence: sentenceOf(flow, limit, evidence, known),
    detail: detailOf(flow, limit, evidence),
  };
}

it('a connection that has its share is limited by its window, told under the class that paces', () => {
  const { limit, sentence, detail } = look({ sentBytes: 120_000 });
  expect([limit.kind, limit.owner?.path, limit.leaf?.path]).toEqual([
    'window',
    'wan/up/web',
    'wan/up/web/video',
  ]);
  expect(sentence).toBe(
    'This upload is slow because wan/up/web paces 4 connections: its window is made smaller, so that it keeps to its share of 2.00 Mbit/s.',
  );
  expect(detail).toBe(
    'share 2.00 Mbit/s, 50 windows made smaller and 0 ACKs held in 0.5 s; 8.00 Mbit/s of wan/up/web pass',
  );
});

it('says that acknowledgements are held back where that holds the share', () => {
  const small = { sentBytes: 5840, connections: 20, shareBytesPerSec: 12_500, cut: 3, held: 40 };
  expect(look(small).sentence).toContain('paces 20 connections: its acknowledgements are held back');
  expect(look({ sentBytes: 120_000, connections: 1 }).sentence).toContain(
    'paces its only connection: its win',
  );
});

it.each([
  ['sends more than its share allows, so it does not obey', { sentBytes: 200_000 }],
  ['sends less than its share', { sentBytes: 40_000 }],
  ['is no TCP', { sentBytes: 120_000, isTcp: false }],
  ['has a share of nothing, as no connection is active', { sentBytes: 120_000, shareBytesPerSec: 0 }],
])('a flow that %s waits for what others leave', (_, one) => {
  expect(look(one).limit).toMatchObject({ kind: 'rate', owner: { path: 'wan/up/web' } });
});

it('a flow of a class that nobody paces is not limited by a window', () => {
  expect(look({ sentBytes: 120_000, leaf: 'wan/up/default' }).limit.kind).toBe('sender');
});
