/**
 * `shaper rules`: what `run` would install, without installing it. Needs no privileges, so it asks the kernel nothing: these are the
 * rules of a kernel that can do everything they ask for.
 */

import { EXIT_FINE } from '../base/errors.ts';
import { type Backend, renderRules } from '../io/rules/index.ts';
import { planQueues } from '../spec/queue-plan.ts';
import { readConfigAloud } from './read-config.ts';
import type { Terminal } from './terminal.ts';

/** The back end asked for, else the configured one, else nft. */
export function rules(options: { conf: string; backend?: Backend }, terminal: Terminal): number {
  const { spec } = readConfigAloud(options.conf, terminal);
  const configured = spec.nfqueue.backend === 'auto' ? 'nft' : spec.nfqueue.backend;
  const request = { plan: planQueues(spec), nfqueue: spec.nfqueue };
  terminal.out(renderRules(request, options.backend ?? configured));
  return EXIT_FINE;
}
