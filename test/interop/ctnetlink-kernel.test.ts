import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { KernelParty } from '../../scripts/oracle/kernel.ts';
import { looseDifference } from '../../scripts/oracle/loose.ts';
import { Machine } from '../../scripts/oracle/machine.ts';
import { randomConntrackVector } from '../../scripts/oracle/random-conntrack.ts';
import { playVector, recordVector } from '../../scripts/oracle/vector.ts';
import { seeded } from './programs.ts';

/** The reason why this machine's kernel cannot be compared. The responses of ctnetlink grew over the years; ring3 gives those of 6.18. */
async function reason(): Promise<string | false> {
  if (process.getuid?.() !== 0) return 'the kernel’s answers require root';
  try {
    // CTA_TIMESTAMP_EVENT, new in 6.14, is not allowed in requests: EINVAL with an extended text
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
    return `the kernel cannot be compared here: ${(error as Error).message}`;
  }
}

const skip = await reason();

test('random valid and invalid requests about flows and expectations: this kernel and ring3 give the same responses', {
  skip,
}, async (t) => {
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
