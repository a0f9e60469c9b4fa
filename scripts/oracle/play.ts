import { readFileSync } from 'node:fs';
import type { ProfileName } from '@ring3/conntrack';
import { playScenarios, type Scenario } from '../../test/oracle/conntrack.ts';
import { difference } from './decode.ts';
import { defects } from './defects.ts';
import type { OracleFile, Outcome } from './format.ts';
import { looseDifference } from './loose.ts';
import { Machine, type MachineKind } from './machine.ts';
import { playVector } from './vector.ts';

/** Plays a file of recorded answers: each vector and scenario in a ring3 of its own. @throws Error for a file of another format */
export async function* playFile(path: string, profile: ProfileName = 'current'): AsyncIterableIterator<Outcome> {
  const file = JSON.parse(readFileSync(path, 'utf8')) as OracleFile;
  if (file.vectors === undefined && file.scenarios === undefined) throw new Error(`${path}: neither vectors nor scenarios`);
  // the kernel that answered for cttimeout was built without cthelper, and one of its answers says so
  const kind: MachineKind = { profile, without: file.subsystem === 'nfnetlink_cttimeout' ? ['cthelper'] : [] };
  // ids are random, lists have no order, and seconds that are left were read a moment later
  const differ = file.subsystem === 'nf_conntrack_netlink' ? looseDifference : difference;
  for (const vector of file.vectors ?? []) yield excused(await playVector(vector, (options) => new Machine(options, kind), differ));
  for (const scenario of (file.scenarios ?? []) as Scenario[]) yield excused(playScenario(scenario));
}

/** A difference that a defect of the recorded kernel explains is none of ring3's. */
function excused(outcome: Outcome): Outcome {
  const defect = defects[outcome.name];
  return outcome.kind === 'failed' && defect !== undefined
    ? { name: outcome.name, kind: 'skipped', reason: `shows a defect of the kernel: ${defect}` }
    : outcome;
}

function playScenario(scenario: Scenario): Outcome {
  const { name } = scenario;
  const { differences, reasons } = playScenarios({ scenarios: [scenario] });
  if (differences.length > 0) return { name, kind: 'failed', differences };
  return reasons.length > 0 ? { name, kind: 'skipped', reason: reasons.join('; ') } : { name, kind: 'passed' };
}
