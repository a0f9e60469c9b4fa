import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { need } from './programs.ts';
import { allTests, expectedPasses, startTorture, type Torture } from './smbtorture.ts';
import { declined, impassable, notPassedBecause, setUps } from './smbtorture-setups.ts';

// continuous integration leaves out the tests that take long by themselves
const fast = process.env['CI'] === 'true';

describe('smbtorture', { ...need('smbtorture'), timeout: 3_600_000 }, () => {
  let torture: Torture;
  before(async () => {
    torture = await startTorture();
  });
  after(() => torture?.[Symbol.asyncDispose]());

  for (const { name, seconds } of expectedPasses()) {
    test(name, { timeout: 120_000, ...(fast && seconds > 0 ? { skip: `takes ${seconds} seconds` } : {}) }, async () => {
      const { outcome, reason } = await torture.run(name);
      assert.equal(outcome, 'ok', reason);
    });
  }
});

describe('the tables of smbtorture', () => {
  const tests = allTests().map((name) => name.replace(/^smb2\./, ''));

  test('each set-up and each reason is of a test that exists', () => {
    for (const { tests: pattern } of [...setUps, ...impassable, ...declined])
      assert.ok(
        tests.some((name) => pattern.test(name)),
        String(pattern),
      );
  });

  test('no test with a reason not to pass is expected to pass', () => {
    assert.deepEqual(
      expectedPasses().filter(({ name }) => notPassedBecause(name) !== undefined),
      [],
    );
  });

  test('each test that is not expected to pass has a reason', () => {
    const expected = new Set(expectedPasses().map(({ name }) => name));
    assert.deepEqual(
      allTests().filter((name) => !expected.has(name) && notPassedBecause(name) === undefined),
      [],
    );
  });
});
