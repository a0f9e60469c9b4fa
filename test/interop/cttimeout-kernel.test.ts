import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ProfileName } from '@ring3/conntrack';
import { Errno, MessageHeader, messages } from '@ring3/netlink';
import { fromHex } from '@ring3/wire';
import fc from 'fast-check';
import type { NetlinkStep, OracleFile, Outcome, Vector } from '../../scripts/oracle/format.ts';
import { KernelParty } from '../../scripts/oracle/kernel.ts';
import { Machine } from '../../scripts/oracle/machine.ts';
import { randomVector } from '../../scripts/oracle/random-vector.ts';
import { playVector, recordVector } from '../../scripts/oracle/vector.ts';
import { seeded } from './programs.ts';

const root = join(import.meta.dirname, '../..');
const files = globSync('test/golden/cttimeout/*.json', { cwd: root }).sort();
const vectors = files.flatMap((file) => (JSON.parse(readFileSync(join(root, file), 'utf8')) as OracleFile).vectors ?? []);

/** The errno of the last response to a message. */
async function errnoOf(send: string): Promise<number> {
  const { steps } = await recordVector({ name: 'probe', steps: [{ op: 'nl', send, replies: [] }] }, (options) => new KernelParty(options));
  const answer = (steps[0] as NetlinkStep).replies.at(-1);
  if (answer === undefined) return Errno.EIO;
  const [last] = messages(fromHex(answer));
  return last === undefined ? Errno.EIO : -last.frame.view.getInt32(last.at + MessageHeader.byteLength, true);
}

/** DEFAULT_GET for a protocol: 0 if this kernel knows it. */
const defaultGet = (l4proto: number): Promise<number> =>
  errnoOf(`2400000004080500010000000000000000000000060002000002000005000300${l4proto.toString(16).padStart(2, '0')}000000`);
/** Whether the kernel has nfnetlink_cthelper: GET of nothing is EINVAL without it, and ENOENT with it. */
const helperGet = (): Promise<number> => errnoOf('1400000001090500010000000000000000000000');

/** The reason why this machine's kernel cannot be compared, or its profile. */
async function probe(): Promise<{ readonly skip: string } | { readonly profile: ProfileName }> {
  if (process.getuid?.() !== 0) return { skip: 'the kernel’s answers require root' };
  const loaded = spawnSync('modprobe', ['nfnetlink_cttimeout']).status;
  try {
    const errno = await defaultGet(6);
    if (errno !== 0) return { skip: `this kernel has no nfnetlink_cttimeout (modprobe ${loaded}, errno ${errno})` };
    return { profile: (await defaultGet(33)) === 0 ? 'v5-dccp' : 'current' };
  } catch (error) {
    return { skip: `the kernel cannot be compared here: ${(error as Error).message}` };
  }
}

const kernel = await probe();
const skip = 'skip' in kernel ? kernel.skip : false;
const profile = 'skip' in kernel ? 'current' : kernel.profile;
const without = skip === false && (await helperGet()) === Errno.EINVAL ? (['cthelper'] as const) : [];
const askKernel = (vector: Vector): Promise<Vector> => recordVector(vector, (options) => new KernelParty(options));
const askRing3 = (vector: Vector): Promise<Outcome> => playVector(vector, (options) => new Machine(options, { profile, without }));

/** Root of a user namespace: a separate process, started in the namespace. */
function askAsNamespaceRoot(vector: Vector): Vector {
  const { userns: _, ...opts } = vector.opts ?? {};
  const argv = [
    '--user',
    '--map-root-user',
    '--net',
    process.execPath,
    '--conditions=@ring3/source',
    join(root, 'scripts/oracle/ask-kernel.ts'),
  ];
  const { status, stdout, stderr } = spawnSync('unshare', argv, { input: JSON.stringify({ ...vector, opts }), encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return { ...(JSON.parse(stdout) as Vector), opts: vector.opts ?? {} };
}

test('the recorded requests: this kernel and ring3 give the same responses', { skip }, async (t) => {
  const failed: Outcome[] = [];
  let asked = 0;
  for (const vector of vectors) {
    const answered = vector.opts?.userns === undefined ? await askKernel(vector) : askAsNamespaceRoot(vector);
    const outcome = await askRing3(answered);
    if (outcome.kind !== 'passed') failed.push(outcome);
    asked++;
  }
  t.diagnostic(`${asked} vectors asked of ${process.platform} ${spawnSync('uname', ['-r']).stdout} as profile ${profile}`);
  assert.deepEqual(failed, []);
});

test('random valid and invalid requests: this kernel and ring3 give the same responses, byte for byte', { skip }, async (t) => {
  let steps = 0;
  await fc.assert(
    fc.asyncProperty(randomVector, async (vector) => {
      const answered = await askKernel(vector);
      steps += answered.steps.length;
      const outcome = await askRing3(answered);
      assert.equal(outcome.kind, 'passed', outcome.kind === 'failed' ? outcome.differences.join('\n') : '');
    }),
    { numRuns: 3000, ...seeded },
  );
  t.diagnostic(`${steps} datagrams`);
});
