/** What answers of the instance make of the state. */

import { isIP } from 'node:net';
import type { ConfigChange } from '../../config/edit/changes.ts';
import type { ClientError } from '../../control/client.ts';
import type { StatusReport } from '../../control/status.ts';
import type { WhyReport } from '../../control/why/report.ts';
import { changeLine } from '../change/print.ts';
import { flowFilterQuery, ROWS_ASKED, selectedOf } from './lists.ts';
import {
  type FlowsAnswer,
  flowSubject,
  type HostsAnswer,
  type LeasesAnswer,
  type ProgramsAnswer,
} from './reports.ts';
import type { Answered, TopState } from './state.ts';

export type Kind = 'status' | 'leases' | 'flows' | 'hosts' | 'programs' | 'why';

/** By kind, the path of the request that the screen needs now. */
export type Wanted = ReadonlyMap<Kind, string>;

export function wantedOf(state: TopState): Wanted {
  const wanted = new Map<Kind, string>([
    ['status', '/v1/status'],
    ['leases', '/v1/leases'],
  ]);
  if (state.view === 'hosts') wanted.set('hosts', `/v1/hosts?limit=${ROWS_ASKED}`);
  if (state.view === 'programs') wanted.set('programs', `/v1/programs?limit=${ROWS_ASKED}`);
  if (state.view === 'flows') {
    const { sort, filter } = state.lists.flows;
    const paths = state.status.classes.map(({ path }) => path);
    const query = flowFilterQuery(filter, paths);
    wanted.set('flows', `/v1/flows?sort=${sort}&limit=${ROWS_ASKED}${query}`);
  }
  const subject = whySubject(state);
  if (subject !== '') wanted.set('why', `/v1/why?subject=${encodeURIComponent(subject)}`);
  return wanted;
}

/** The open flow or host; '' if none is open. */
function whySubject(state: TopState): string {
  if (state.page.kind !== 'details') return '';
  const selected = selectedOf(state);
  if (selected?.view === 'flows') return flowSubject(selected.row);
  if (selected?.view !== 'hosts') return '';
  return [selected.row.id, ...selected.row.addresses].find((text) => isIP(text) !== 0) ?? '';
}

export type Outcome = { readonly answer: object } | { readonly error: ClientError };

/** An answer that has come for what the screen needs. */
export function answered(state: TopState, kind: Kind, outcome: Outcome): TopState {
  if (kind === 'status') return withStatus(state, outcome);
  const old = state[kind]?.report ?? null;
  const value: Answered<object> =
    'answer' in outcome
      ? { report: outcome.answer, error: '' }
      : // A request that is refused has no old answer that still holds.
        { report: outcome.error.code === 'refused' ? null : old, error: textOfError(outcome.error) };
  return {
    ...state,
    [kind]: value as Answered<FlowsAnswer & HostsAnswer & LeasesAnswer & ProgramsAnswer & WhyReport>,
  };
}

const NO_ANSWERS = { flows: null, hosts: null, leases: null, programs: null, why: null } as const;

function withStatus(state: TopState, outcome: Outcome): TopState {
  if ('error' in outcome) return { ...state, lost: `${outcome.error.message}; asking again every second` };
  const status = outcome.answer as StatusReport;
  const isAnother = status.pid !== state.status.pid || status.uptimeSeconds < state.status.uptimeSeconds;
  if (!isAnother) return { ...state, status, lost: '' };
  const notice = { text: `another instance runs now: pid ${status.pid}`, isError: false };
  return { ...state, status, lost: '', ...NO_ANSWERS, notice };
}

/** After the change that a prompt has sent. */
export function changed(state: TopState, outcome: Outcome): TopState {
  const { prompt } = state;
  const isAsked = prompt?.kind === 'limit' && prompt.step === 'sent';
  if ('answer' in outcome) {
    const notice = { text: changesText(outcome.answer), isError: false };
    return { ...state, prompt: isAsked ? null : prompt, notice };
  }
  const error = textOfError(outcome.error);
  if (isAsked) return { ...state, prompt: { ...prompt, step: 'value', error } };
  return { ...state, notice: { text: error, isError: true } };
}

export function textOfError({ message, hint }: ClientError): string {
  return hint === '' ? message : `${message} (${hint})`;
}

function changesText(answer: object): string {
  const {
    changes = [],
    lease,
    notes = [],
  } = answer as {
    changes?: readonly ConfigChange[];
    lease?: { until: string };
    notes?: readonly string[];
  };
  const texts = changes.map(changeLine);
  const until = lease ? ` until ${lease.until}` : '';
  return [texts.length > 0 ? texts.join('; ') + until : `nothing is different${until}`, ...notes].join('; ');
}
