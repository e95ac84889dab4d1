/** The subject of a simulation: a built-in scenario or a capture. */

import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { CaptureError } from '../../sim/capture/capture-error.ts';
import { prepareReplay } from '../../sim/capture/replay.ts';
import { type CaptureScan, scanCapture } from '../../sim/capture/scan.ts';
import type { ReadAt } from '../../sim/capture/window.ts';
import type { ModulesOptions } from '../../sim/modules/world-modules.ts';
import { findScenario, SCENARIO_NAMES, SCENARIOS } from '../../sim/scenarios/index.ts';
import { prepareScenario, type Simulation } from '../../sim/simulation.ts';
import type { Question } from '../../sim/traffic/traffic.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { openCapture } from './capture-file.ts';
import { SAMPLES } from './run-view.ts';

/** A higher share of unreadable packets is worth a warning. */
const UNPARSED_SHARE_MAX = 0.1;
/** A longer pause is worth a warning. */
const PAUSE_NS_MAX = 3600e9;

export interface Subject {
  readonly about: string;
  /** What the subject was made to ask, and the flows that answer; null for a capture. */
  readonly question: Question | null;
  /** Warnings for stderr. */
  readonly warnings: readonly string[];
  /** Why the result is not about the whole subject, for stderr and the exit status; null if it is. */
  readonly failure: string | null;
  /** The run goes on until nothing waits, so that packets left at its end are worth a warning. */
  readonly drains: boolean;
  /** Prepares the run. Traffic is made for the rates of `reference`, whichever configuration shapes it. */
  prepare(spec: ShaperSpec, reference: ShaperSpec, options: PrepareOptions): Simulation;
}

export interface PrepareOptions {
  readonly seed: number;
  /** Windows and limits of quotas are divided by this. */
  readonly quotaSpeed: number;
  readonly modules?: ModulesOptions | undefined;
}

/**
 * `durationNs`: null if the scenario is to last as long as it is made for. Throws OperatingError that names
 * the nearest scenario if there is none of this name.
 */
export function scenarioSubject(name: string, durationNs: number | null): Subject {
  const found = findScenario(name);
  if (!found) {
    const near = nearest(name, SCENARIO_NAMES);
    const meant =
      near === null ? '' : near.isNear ? `; did you mean ${near.word}?` : `; nearest: ${near.word}`;
    throw new OperatingError(
      EXIT_USAGE,
      `no scenario ${name}${meant}`,
      `scenarios: ${SCENARIO_NAMES.join(', ')} (shaper simulate --list says what they are)`,
    );
  }
  return {
    about: found.about,
    question: found,
    warnings: [],
    failure: null,
    drains: false,
    prepare: (spec, reference, { seed, quotaSpeed, modules }) =>
      prepareScenario(spec, found, seed, {
        ...{ samples: SAMPLES, reference, quotaSpeed },
        ...(modules && { modules }),
        ...(durationNs !== null && { durationNs }),
      }),
  };
}

/** Throws OperatingError if the file cannot be read or is no capture. */
export async function captureSubject(file: string): Promise<Subject> {
  const { name, readAt, sizeBytes } = await openCapture(file);
  const scan = scanFile(file, readAt);
  return {
    question: null,
    about: `replay of ${scan.packets} captured packets`,
    warnings: captureWarnings(scan, file),
    failure: damageOf(scan, file, sizeBytes),
    drains: true,
    prepare: (spec, _reference, { seed, quotaSpeed, modules }) =>
      prepareReplay(spec, scan, name, seed, { samples: SAMPLES, quotaSpeed, ...(modules && { modules }) }),
  };
}

function scanFile(file: string, readAt: ReadAt): CaptureScan {
  try {
    return scanCapture(readAt);
  } catch (error) {
    if (error instanceof CaptureError) throw new OperatingError(EXIT_USAGE, `${file}: ${error.message}`);
    throw error;
  }
}

function captureWarnings(scan: CaptureScan, file: string): string[] {
  const { packets, unparsed, trouble, clockSteps, longestPauseNs, longestPausePacket } = scan;
  const warnings: string[] = [];
  if (packets === 0) warnings.push(`${file} holds no packets`);
  if (trouble?.kind === 'cut')
    warnings.push(`${file}: the last record is cut short at byte ${trouble.atByte} and not replayed`);
  if (unparsed > packets * UNPARSED_SHARE_MAX)
    warnings.push(`${file}: ${unparsed} of ${packets} packets carry no IP packet that can be read`);
  if (clockSteps > 0)
    warnings.push(
      `${file}: ${clockSteps} time stamps jump or step back; time goes on from the packet before`,
    );
  if (longestPauseNs > PAUSE_NS_MAX) {
    const pause = roughTime(longestPauseNs);
    warnings.push(
      `${file}: a pause of ${pause} before packet ${longestPausePacket + 1}; ` +
        'throughputs count a pause of more than a minute as one second',
    );
  }
  return warnings;
}

/** In days or hours. */
function roughTime(ns: number): string {
  const days = ns / 86_400e9;
  return days >= 2 ? `${Math.round(days)} days` : `${Math.round(24 * days)} h`;
}

/** What a damaged file makes of the result; null if the file was read to its end. */
function damageOf({ trouble, packets }: CaptureScan, file: string, sizeBytes: number): string | null {
  if (trouble?.kind !== 'damaged') return null;
  const rest = sizeBytes - trouble.atByte;
  return `${file}: damaged at byte ${trouble.atByte} after ${packets} packets; ${rest} bytes were not read`;
}

/** Lists the scenarios, one per line, with the name first. */
export function scenarioList(): string {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length));
  return SCENARIOS.map(({ name, about }) => `${name.padEnd(width)}  ${about}\n`).join('');
}
