import assert from 'node:assert/strict';
import { FakeClock, fakeRandom } from '@ring3/kit';
import { type Acceptor, createAcceptor, createNtlmInitiator, NtStatus, ntHash, ntlmMechanism, SpnegoInitiator } from '@ring3/smb-proto';
import { fuzzing, type Target } from './fuzzing.ts';

const clock = new FakeClock();
const mechanism = ntlmMechanism({
  lookup: (user) => (user.toLowerCase() === 'ann' ? ntHash('secret') : undefined),
  computerName: 'RING3',
  random: fakeRandom(),
  now: () => clock.wall(),
});

/** A client's tokens for this password in order, with the acceptor that receives them. */
function exchange(spnego: boolean, password: string): { tokens: Uint8Array[]; state: string } {
  const acceptor = createAcceptor([mechanism]);
  const ntlm = createNtlmInitiator({ user: 'ann', password, random: fakeRandom(2), now: () => clock.wall() });
  const initiator = spnego ? new SpnegoInitiator(ntlm) : ntlm;
  const tokens: Uint8Array[] = [];
  let step = initiator.next();
  for (;;) {
    if (step.state === 'failed' || step.token === undefined) return { tokens, state: step.state };
    tokens.push(step.token);
    const answer = acceptor.accept(step.token);
    if (answer instanceof Promise || answer.state !== 'continue') return { tokens, state: answer instanceof Promise ? '' : answer.state };
    step = initiator.next(answer.token);
  }
}

/**
 * NTLM and SPNEGO tokens: the first byte of an input is the number of valid tokens before it. No input is authenticated: the client does
 * not know the password.
 */
function token(): Target {
  const [bare, wrapped] = [exchange(false, 'wrong').tokens, exchange(true, 'wrong').tokens];
  const seeds = [bare, wrapped].flatMap((tokens, i) => tokens.map((bytes, at) => Buffer.concat([Buffer.of(i * 16 + at), bytes])));
  return {
    seeds,
    run(input) {
      const acceptor: Acceptor = createAcceptor([mechanism]);
      const [first = 0] = input;
      const before = ((first & 16) === 0 ? bare : wrapped).slice(0, first & 1);
      for (const bytes of [...before, input.subarray(1), input.subarray(1)]) {
        const step = acceptor.accept(new Uint8Array(bytes));
        assert.ok(!(step instanceof Promise));
        assert.notEqual(step.state, 'complete');
        if (step.state === 'failed') assert.ok(step.status === NtStatus.LogonFailure || step.status === NtStatus.InvalidParameter);
      }
    },
  };
}

export const fuzz = fuzzing(token);
