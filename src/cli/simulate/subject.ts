/** The subject of a simulation: a built-in scenario or a capture. */

import { EXIT_USAGE, OperatingError } from '../../base/errors.ts';
import { nearest } from '../../base/nearest.ts';
import { type Capture, PcapError, readPcap } from '../../sim/capture/pcap.ts';
import { prepareReplay } from '../../sim/capture/replay.ts';
import { findScenario, SCENARIO_NAMES, SCENARIOS } from '../../sim/scenarios/index.ts';
import { prepareScenario, type Simulation } from '../../sim/simulation.ts';
import { bottleneckOf } from '../../sim/traffic/layout.ts';
import type { ShaperSpec } from '../../spec/spec.ts';
import { readBytes } from '../read-config.ts';
import { SAMPLES } from './run-view.ts';

export interface Subject {
  readonly about: string;
  /** Warnings for stderr. */
  readonly warnings: readonly string[];
  /** Prepares the run. Traffic is made for the rates of `reference`, whichever configuration shapes it. */
  prepare(spec: ShaperSpec, reference: ShaperSpec, seed: number): Simulation;
}

/** Throws OperatingError that names the nearest scenario if there is none of this name. */
export function scenarioSubject(name: string): Subject {
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
    warnings: [],
    prepare: (spec, reference, seed) =>
      prepareScenario(spec, found, seed, { samples: SAMPLES, bottleneck: bottleneckOf(reference) }),
  };
}

/** Throws OperatingError if the file cannot be read or is no capture. */
export function captureSubject(file: string): Subject {
  const capture = readCapture(file);
  const name = file.slice(file.lastIndexOf('/') + 1);
  return {
    about: `replay of ${capture.packets} captured packets`,
    warnings: [
      ...(capture.packets === 0 ? [`${file} holds no packets`] : []),
      ...(capture.isCut ? [`${file}: the last record is cut short and not replayed`] : []),
    ],
    prepare: (spec, _reference, seed) => prepareReplay(spec, capture, name, seed, { samples: SAMPLES }),
  };
}

function readCapture(file: string): Capture {
  try {
    return readPcap(readBytes(file));
  } catch (error) {
    if (error instanceof PcapError) throw new OperatingError(EXIT_USAGE, `${file}: ${error.message}`);
    throw error;
  }
}

/** Lists the scenarios, one per line, with the name first. */
export function scenarioList(): string {
  const width = Math.max(...SCENARIOS.map(({ name }) => name.length));
  return SCENARIOS.map(({ name, about }) => `${name.padEnd(width)}  ${about}\n`).join('');
}
