/** The built-in scenarios, in the order in which `simulate --list` shows them. */
import type { Scenario } from '../traffic/traffic.ts';
import { callBesideUploads } from './call-beside-uploads.ts';
import { eightFlows } from './eight-flows.ts';
import { flats300 } from './flats-300.ts';
import { flood } from './flood.ts';
import { gameBesideDownload } from './game-beside-download.ts';
import { shortBesideLong } from './short-beside-long.ts';
import { uploadsPaced } from './uploads-paced.ts';

export const SCENARIOS: readonly Scenario[] = [
  callBesideUploads,
  gameBesideDownload,
  eightFlows,
  shortBesideLong,
  flats300,
  flood,
  uploadsPaced,
];

/** Returns null if no scenario has this name. */
export function findScenario(name: string): Scenario | null {
  return SCENARIOS.find((scenario) => scenario.name === name) ?? null;
}

export const SCENARIO_NAMES: readonly string[] = SCENARIOS.map(({ name }) => name);
