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
 * Plays a file of recorded answers: each vector and scenario in a ring3 of its own.
 * @param profile that of the kernel that answered, unless given
 * @throws Error for a file of another format
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

/** Which kernel answered. Its cttimeout had DCCP until 6.17; the one that was asked for it was built without cthelper, and one of its answers says so. */
function kindOf({ kernel, subsystem, HZ }: OracleFile, profile: ProfileName | undefined): MachineKind {
  const [, major = 6, minor = 17] = (/(\d+)\.(\d+)/.exec(kernel ?? '') ?? []).map(Number);
  const timeouts = subsystem === 'nfnetlink_cttimeout';
  const older = timeouts && (major < 6 || (major === 6 && minor < 17));
  return { profile: profile ?? (older ? 'v5-dccp' : 'current'), hz: HZ ?? 250, without: timeouts ? ['cthelper'] : [] };
}

/** Whether a vector asks about flows or expectations: ids are random there, lists have no order, and seconds that are left were read a moment later. */
const isAboutFlows = ({ steps }: Vector): boolean =>
  steps.some((step) => (step.op === undefined || step.op === 'nl') && /^.{8}..0[12]/.test(step.send ?? ''));

/** A player that fails is a difference too. */
async function guarded(name: string, play: () => Outcome | Promise<Outcome>): Promise<Outcome> {
  try {
    return await play();
  } catch (error) {
    return { name, kind: 'failed', differences: [String((error as Error).stack ?? error)] };
  }
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
