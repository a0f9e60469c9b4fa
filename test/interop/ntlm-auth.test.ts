import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { type AuthStep, createAcceptor, ntHash, ntlmMechanism } from '@ring3/smb-proto';
import { need } from './programs.ts';

/** Samba's ntlm_auth as a client over its standard input and output: one line per request, one line per response. */
class NtlmAuth {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;

  constructor(protocol: string, password: string) {
    this.#child = spawn('ntlm_auth', [`--helper-protocol=${protocol}`, '--username=anna', `--password=${password}`, '--domain=HOME']);
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  async ask(line: string): Promise<string> {
    this.#child.stdin.write(`${line}\n`);
    return (await this.#lines.next()).value as string;
  }

  [Symbol.dispose](): void {
    this.#child.stdin.end();
    this.#child.kill();
  }
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

/** Authenticates ntlm_auth. @returns the acceptor's last step, and the session key if ntlm_auth prints it */
async function logOn(protocol: string, password: string): Promise<{ step: AuthStep; key: string | undefined }> {
  using client = new NtlmAuth(protocol, password);
  const mechanism = ntlmMechanism({
    lookup: (user) => (user === 'anna' ? ntHash('secret') : undefined),
    computerName: 'RING3',
    random: { fill: (bytes) => randomFillSync(bytes) },
    now: Date.now,
  });
  const acceptor = createAcceptor([mechanism]);
  let line = await client.ask('YR');
  for (;;) {
    const token = line.split(' ')[1];
    ok(token !== undefined, line);
    const step = await acceptor.accept(Buffer.from(token, 'base64'));
    if (step.state === 'failed') return { step, key: undefined };
    if (step.state === 'complete' && step.token === undefined) return { step, key: (await client.ask('GK')).split(' ')[1] };
    line = await client.ask(`${step.state === 'complete' ? 'AF' : 'TT'} ${base64(step.token as Uint8Array)}`);
    if (step.state === 'complete') {
      strictEqual(line.split(' ')[0], 'AF', 'the client believes our last token');
      return { step, key: undefined };
    }
  }
}

test('ntlm_auth logs on with raw NTLMSSP, and has the same session key', need('ntlm_auth'), async () => {
  const { step, key } = await logOn('ntlmssp-client-1', 'secret');
  ok(step.state === 'complete');
  deepStrictEqual([step.logon.user, step.logon.domain], ['anna', 'HOME']);
  strictEqual(key, base64(step.logon.sessionKey));
});

test('ntlm_auth logs on with SPNEGO', need('ntlm_auth'), async () => {
  strictEqual((await logOn('gss-spnego-client', 'secret')).step.state, 'complete');
});

test('ntlm_auth with a wrong password is rejected', need('ntlm_auth'), async () => {
  for (const protocol of ['ntlmssp-client-1', 'gss-spnego-client']) {
    const { step } = await logOn(protocol, 'wrong');
    ok(step.state === 'failed');
    strictEqual(step.reason, 'wrong password');
  }
});
