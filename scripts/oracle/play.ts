import { readFileSync } from 'node:fs';
import type { ProfileName } from '@ring3/conntrack';
import { playScenarios, type Scenario } from '../../test/oracle/conntrack.ts';
import type { OracleFile, Outcome } from './format.ts';
import { Machine } from './machine.ts';
import { playVector } from './vector.ts';

/** Plays a file of recorded answers: each vector and scenario in a ring3 of its own. @throws Error for a file of another format */
export async function* playFile(path: string, profile: ProfileName = 'current'): AsyncIterableIterator<Outcome> {
  const file = JSON.parse(readFileSync(path, 'utf8')) as OracleFile;
  if (file.vectors === undefined && file.scenarios === undefined) throw new Error(`${path}: neither vectors nor scenarios`);
  for (const vector of file.vectors ?? []) yield await playVector(vector, (options) => new Machine(options, profile));
  for (const scenario of (file.scenarios ?? []) as Scenario[]) yield playScenario(scenario);
}

function playScenario(scenario: Scenario): Outcome {
  const { name } = scenario;
  const { differences, reasons } = playScenarios({ scenarios: [scenario] });
  if (differences.length > 0) return { name, kind: 'failed', differences };
  return reasons.length > 0 ? { name, kind: 'skipped', reason: reasons.join('; ') } : { name, kind: 'passed' };
}
