import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { need } from './programs.ts';
import { expectedPasses, startTorture, type Torture } from './smbtorture.ts';

describe('smbtorture', need('smbtorture'), () => {
  let torture: Torture;
  before(async () => {
    torture = await startTorture();
  });
  after(() => torture?.[Symbol.asyncDispose]());

  for (const name of expectedPasses()) {
    test(name, async () => {
      const { outcome, reason } = await torture.run(name);
      assert.equal(outcome, 'ok', reason);
    });
  }
});
