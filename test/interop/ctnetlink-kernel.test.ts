import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KernelParty } from '../../scripts/oracle/kernel.ts';
import { looseDifference } from '../../scripts/oracle/loose.ts';
import { Machine } from '../../scripts/oracle/machine.ts';
import { randomConntrackVector } from '../../scripts/oracle/random-conntrack.ts';
import { playVector, recordVector } from '../../scripts/oracle/vector.ts';
import { seeded } from './programs.ts';

/** Why this machine's kernel cannot be asked. Answers of ctnetlink grew over the years; ring3 gives those of 6.18. */
async function reason(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'asking the kernel wants root';
  try {
    // CTA_TIMESTAMP_EVENT, which 6.14 brought, must not stand in requests: EINVAL with an extended text
    const send = '2000000001010500010000000000000002000000'.concat('0c001b000000000000000000');
    const { steps } = await recordVector(
      { name: 'probe', steps: [{ op: 'nl', send, replies: [] }] },
      (options) => new KernelParty(options),
    );
    const [step] = steps;
    const answer = step?.op === 'nl' ? step.replies[0] : undefined;
    if (answer === undefined) return 'this kernel has no ctnetlink';
    return answer.includes(Buffer.from('failed policy').toString('hex')) ? false : 'this kernel is older than 6.14';
  } catch (error) {
    return `the kernel cannot be asked here: ${(error as Error).message}`;
  }
}

const skip = await reason();

test('random requests about flows and expectations, right and wrong: this kernel and ring3 answer alike', { skip }, async (t) => {
  let steps = 0;
  await fc.assert(
    fc.asyncProperty(randomConntrackVector, async (vector) => {
      const answered = await recordVector(vector, (options) => new KernelParty(options));
      steps += answered.steps.length;
      const outcome = await playVector(
        answered,
        (options) => new Machine(options),
        (wanted, found) => looseDifference(wanted, found, 20),
      );
      assert.equal(outcome.kind, 'passed', outcome.kind === 'failed' ? outcome.differences.join('\n') : '');
    }),
    { numRuns: 500, ...seeded },
  );
  t.diagnostic(`${steps} steps`);
});
