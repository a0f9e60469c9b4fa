import { readFileSync } from 'node:fs';
import type { ProfileName } from '@ring3/conntrack';
import { playScenarios, type Scenario } from '../../test/oracle/conntrack.ts';
import { defects } from './defects.ts';
import { difference } from './difference.ts';
import type { OracleFile, Outcome, Vector } from './format.ts';
import { looseDifference } from './loose.ts';
import { Machine, type MachineKind } from './machine.ts';
import type { MakeParty } from './party.ts';
import { playVector } from './vector.ts';

/**
 * Plays a file of recorded responses: each vector and scenario on a new instance of ring3.
 * @param profile default: that of the recorded kernel
 * @throws Error if the file has another format
 */
export async function* playFile(path: string, profile?: ProfileName): AsyncIterableIterator<Outcome> {
  const file = JSON.parse(readFileSync(path, 'utf8')) as OracleFile;
  if (file.vectors === undefined && file.scenarios === undefined) throw new Error(`${path}: neither vectors nor scenarios`);
  const kind = kindOf(file, profile);
  for (const vector of file.vectors ?? []) {
    const make: MakeParty = (options) => new Machine(options, kind);
    yield excused(await guarded(vector.name, () => playVector(vector, make, isAboutFlows(vector) ? looseDifference : difference)));
  }
  for (const scenario of (file.scenarios ?? []) as Scenario[]) yield excused(await guarded(scenario.name, () => playScenario(scenario)));
}

/**
 * The profile of the recorded kernel. cttimeout supported DCCP until 6.17; the recorded kernel with DCCP was built without cthelper, as one
 * of its responses shows.
 */
function kindOf({ kernel, subsystem, HZ }: OracleFile, profile: ProfileName | undefined): MachineKind {
  const [, major = 6, minor = 17] = (/(\d+)\.(\d+)/.exec(kernel ?? '') ?? []).map(Number);
  const timeouts = subsystem === 'nfnetlink_cttimeout';
  const older = timeouts && (major < 6 || (major === 6 && minor < 17));
  return { profile: profile ?? (older ? 'v5-dccp' : 'current'), hz: HZ ?? 250, without: timeouts ? ['cthelper'] : [] };
}

/** Whether a vector is about flows or expectations: their ids are random, lists have no order, and remaining seconds were read later. */
const isAboutFlows = ({ steps }: Vector): boolean =>
  steps.some((step) => (step.op === undefined || step.op === 'nl') && /^.{8}..0[12]/.test(step.send ?? ''));

/** A player that throws counts as a difference. */
async function guarded(name: string, play: () => Outcome | Promise<Outcome>): Promise<Outcome> {
  try {
    return await play();
  } catch (error) {
    return { name, kind: 'failed', differences: [String((error as Error).stack ?? error)] };
  }
}

/** A difference caused by a defect of the recorded kernel is not a failure of ring3. */
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
