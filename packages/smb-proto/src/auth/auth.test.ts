import { deepStrictEqual, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { test } from 'node:test';
import { checkDeclaration } from '@ring3/wire/testing';
import fc from 'fast-check';
import type { RandomBytes } from '../crypto/random-bytes.ts';
import { NtStatus } from '../status.ts';
import type { Acceptor, AuthComplete, AuthFailed, AuthStep, Initiator, Mechanism } from './mechanism.ts';
import { type NtlmServerOptions, ntlmMechanism, ntlmOid } from './ntlm-acceptor.ts';
import { ntHash } from './ntlm-crypto.ts';
import { createNtlmInitiator, type NtlmClientOptions } from './ntlm-initiator.ts';
import {
  micOffset,
  NtlmAuthenticate,
  NtlmAuthenticateWithMic,
  NtlmChallenge,
  NtlmFlags,
  NtlmNegotiate,
  NtlmNegotiateHead,
  NtlmV2ClientChallenge,
} from './ntlm-messages.ts';
import { createAcceptor, negotiateToken } from './spnego-acceptor.ts';
import { SpnegoInitiator } from './spnego-initiator.ts';
import { decodeNegToken, encodeNegTokenInit, encodeNegTokenResp, NegState, type NegTokenInit, type NegTokenResp } from './spnego-tokens.ts';

const random: RandomBytes = { fill: (array) => randomFillSync(array) };
const now = (): number => 1_700_000_000_000;
const users: Record<string, string> = { anna: 'geheim', 'ümlaut ß': 'пароль' };
const server = (options: Partial<NtlmServerOptions> = {}): Mechanism[] => [
  ntlmMechanism({
    lookup: (user) => (users[user] === undefined ? undefined : ntHash(users[user])),
    computerName: 'RING3',
    random,
    now,
    ...options,
  }),
];
const client = (options: Partial<NtlmClientOptions> = {}): Initiator =>
  createNtlmInitiator({
    user: 'anna',
    domain: 'HOME',
    workstation: 'DESK',
    password: 'geheim',
    target: 'cifs/ring3',
    random,
    now,
    ...options,
  });
const at = (step: AuthStep | Promise<AuthStep>): AuthStep => {
  ok(!(step instanceof Promise));
  return step;
};
const failure = (step: AuthStep): AuthFailed => {
  strictEqual(step.state, 'failed');
  return step as AuthFailed;
};

/** Exchanges tokens between a client and a server until one completes. */
function converse(initiator: Initiator, end: Acceptor, change: (token: Uint8Array, turn: number) => Uint8Array = (token) => token) {
  let answer: Uint8Array | undefined;
  for (let turn = 0; turn < 5; turn++) {
    const own = initiator.next(answer);
    if (own.state === 'failed') return { own, step: undefined };
    const step = at(end.accept(change(own.token as Uint8Array, turn)));
    if (step.state !== 'continue') return { own, step };
    answer = step.token;
  }
  throw new Error('no end');
}

for (const declaration of [
  NtlmNegotiateHead,
  NtlmNegotiate,
  NtlmChallenge,
  NtlmAuthenticate,
  NtlmAuthenticateWithMic,
  NtlmV2ClientChallenge,
]) {
  test(`${declaration.name} is a sound declaration`, () => {
    checkDeclaration(declaration as never);
  });
}

for (const [name, wrap] of [
  ['SPNEGO', (inner: Initiator) => new SpnegoInitiator(inner)],
  ['raw NTLMSSP', (inner: Initiator) => inner],
] as const) {
  test(`${name}: the right password logs on, and both ends hold the same key (MS-NLMP 3.2.5.1.2)`, () => {
    const initiator = wrap(client());
    const { own, step } = converse(initiator, createAcceptor(server()));
    strictEqual(step?.state, 'complete');
    const { logon, token } = step as AuthComplete;
    deepStrictEqual(
      { ...logon, sessionKey: 0 },
      { user: 'anna', domain: 'HOME', workstation: 'DESK', anonymous: false, guest: false, mechanism: 'ntlm', sessionKey: 0 },
    );
    ok(own.state === 'complete');
    deepStrictEqual(own.sessionKey, logon.sessionKey);
    if (initiator instanceof SpnegoInitiator) strictEqual(initiator.finish(token as Uint8Array), undefined);
    else strictEqual(token, undefined);
  });

  test(`${name}: names and passwords outside ASCII work, and the name's case does not matter`, () => {
    const { step } = converse(wrap(client({ user: 'ümlaut ß', password: 'пароль' })), createAcceptor(server()));
    strictEqual(step?.state, 'complete');
    const upper = server({ lookup: (user) => ntHash(users[user.toLowerCase()] ?? '') });
    strictEqual(converse(wrap(client({ user: 'ANNA' })), createAcceptor(upper)).step?.state, 'complete');
  });

  test(`${name}: a wrong password, an unknown user and an anonymous client fail with LogonFailure, and the reason is for the log`, () => {
    const cases: [Partial<NtlmClientOptions>, string][] = [
      [{ password: 'falsch' }, 'wrong password'],
      [{ user: 'nobody' }, 'no such user'],
      [{ user: '', domain: '', password: '' }, 'anonymous clients are not let in'],
    ];
    for (const [options, reason] of cases) {
      const step = failure(converse(wrap(client(options)), createAcceptor(server())).step as AuthStep);
      strictEqual(step.status, NtStatus.LogonFailure);
      strictEqual(step.reason, reason);
      strictEqual(step.user, options.user ?? 'anna');
    }
  });

  test(`${name}: anonymous clients and guests are accepted if configured, and marked as such; a wrong password never becomes a guest`, () => {
    const open = (): Acceptor => createAcceptor(server({ anonymous: true, guest: true }));
    const anonymous = converse(wrap(client({ user: '', domain: '', password: '' })), open()).step as AuthComplete;
    deepStrictEqual(
      [anonymous.state, anonymous.logon.anonymous, anonymous.logon.guest, anonymous.logon.user],
      ['complete', true, false, ''],
    );
    const guest = converse(wrap(client({ user: 'nobody' })), open()).step as AuthComplete;
    deepStrictEqual([guest.state, guest.logon.anonymous, guest.logon.guest, guest.logon.user], ['complete', false, true, 'nobody']);
    strictEqual(guest.integrity, undefined);
    strictEqual(converse(wrap(client({ password: 'falsch' })), open()).step?.state, 'failed');
  });

  test(`${name}: a lookup may return a promise`, async () => {
    const end = createAcceptor(server({ lookup: async (user) => (user === 'anna' ? ntHash('geheim') : undefined) }));
    const initiator = wrap(client());
    const first = initiator.next();
    const challenge = await end.accept((first as { token: Uint8Array }).token);
    const last = initiator.next((challenge as { token: Uint8Array }).token);
    strictEqual((await end.accept((last as { token: Uint8Array }).token)).state, 'complete');
  });

  test(`${name}: one changed bit anywhere in any token never logs on another user, never throws`, () => {
    fc.assert(
      fc.property(fc.nat(2), fc.nat(), fc.nat(7), (where, position, bit) => {
        const { step } = converse(wrap(client()), createAcceptor(server({ guest: false })), (token, turn) => {
          if (turn !== where) return token;
          const changed = new Uint8Array(token);
          changed[position % changed.length]! ^= 1 << bit;
          return changed;
        });
        if (step?.state === 'complete') strictEqual(step.logon.user.toLowerCase(), 'anna');
      }),
      { numRuns: 300 },
    );
  });

  test(`${name}: every prefix of every token is an ordinary failure or requests another token`, () => {
    for (const which of [0, 1]) {
      const probe = converse(wrap(client()), createAcceptor(server()));
      ok(probe.own.state === 'complete');
      const length = which === 0 ? 120 : (probe.own.token as Uint8Array).length;
      for (let cut = 0; cut < length; cut += 1) {
        const { step } = converse(wrap(client()), createAcceptor(server()), (token, turn) =>
          turn === which ? token.subarray(0, Math.min(cut, token.length - 1)) : token,
        );
        notStrictEqual(step?.state, 'complete', `token ${which} cut to ${cut}`);
      }
    }
  });
}

test('the MIC covers all three messages: a flag removed from NEGOTIATE in transit is detected (MS-NLMP 3.2.5.1.2)', () => {
  const { step } = converse(client(), createAcceptor(server()), (token, turn) => {
    if (turn !== 0) return token;
    const changed = new Uint8Array(token);
    changed[15]! &= ~0x02; // Version, which does not affect the keys
    return changed;
  });
  strictEqual(failure(step as AuthStep).reason, 'the message integrity code is wrong');
});

test('an announced MIC that does not fit the message is malformed', () => {
  const { step } = converse(client(), createAcceptor(server()), (token, turn) => (turn === 1 ? token.subarray(0, micOffset) : token));
  strictEqual(failure(step as AuthStep).status, NtStatus.InvalidParameter);
});

test('an encrypted session key of any other length than 16 is malformed, before anything is done with it', () => {
  const { step } = converse(client(), createAcceptor(server()), (token, turn) => {
    if (turn !== 1) return token;
    const changed = Buffer.from(token);
    changed.writeUInt16LE(17, NtlmAuthenticate.fixed.offset.encryptedRandomSessionKeyLength);
    changed.writeUInt32LE(64, NtlmAuthenticate.fixed.offset.encryptedRandomSessionKeyOffset);
    return changed;
  });
  strictEqual(failure(step as AuthStep).status, NtStatus.InvalidParameter);
});

test('NTLMv1 and LM responses are rejected (24 bytes are not an NTLMv2 response)', () => {
  for (const length of [0, 1, 15, 16, 24]) {
    const { step } = converse(client(), createAcceptor(server()), (token, turn) => {
      if (turn !== 1) return token;
      const changed = Buffer.from(token);
      changed.writeUInt16LE(length, NtlmAuthenticate.fixed.offset.ntChallengeResponseLength);
      return changed;
    });
    strictEqual(failure(step as AuthStep).status, NtStatus.LogonFailure, String(length));
  }
});

test('a client without extended session security, without a character set, or with the wrong message is rejected', () => {
  const negotiate = (negotiateFlags: number): Uint8Array =>
    NtlmNegotiate.encode({ negotiateFlags, domainName: new Uint8Array(), workstation: new Uint8Array() }).head;
  const status = (token: Uint8Array): number => failure(at(createAcceptor(server()).accept(token))).status;
  strictEqual(status(negotiate(NtlmFlags.Unicode)), NtStatus.LogonFailure);
  strictEqual(status(negotiate(NtlmFlags.ExtendedSessionSecurity)), NtStatus.InvalidParameter);
  const third = negotiate(NtlmFlags.Unicode);
  third[8] = 3;
  strictEqual(status(third), NtStatus.InvalidParameter);
});

test('an attempt is over after its last token', () => {
  const end = createAcceptor(server());
  const { own } = converse(client(), end);
  strictEqual(failure(at(end.accept((own as { token: Uint8Array }).token))).status, NtStatus.InvalidParameter);
});

// --- SPNEGO, RFC 4178

const kerberos = '1.2.840.48018.1.2.2';
const init = (token: Uint8Array): NegTokenInit => decodeNegToken(token) as NegTokenInit;
const response = (token: Uint8Array): NegTokenResp => decodeNegToken(token) as NegTokenResp;

test('the token of the NEGOTIATE response offers NTLM and carries the hint of MS-SPNG 3.2.5.2', () => {
  const token = negotiateToken(server());
  deepStrictEqual(init(token).mechTypes, [ntlmOid]);
  ok(Buffer.from(token).includes('not_defined_in_RFC4178@please_ignore'));
});

test('tokens of Microsoft’s published exchange are read', () => {
  const first = init(
    Buffer.from(
      '604806062B0601050502A03E303CA00E300C060A2B06010401823702020AA22A04284E544C4D5353500001000000978208E200000000000000000000000000000000060380250000000F',
      'hex',
    ),
  );
  deepStrictEqual(first.mechTypes, [ntlmOid]);
  strictEqual(first.mechToken?.length, 40);
  strictEqual(Buffer.from(first.mechTypesBytes).toString('hex'), '300c060a2b06010401823702020a');
  const last = response(Buffer.from('A11B3019A0030A0100A3120410010000003B453CDC3524164200000000', 'hex'));
  deepStrictEqual([last.negState, last.mechListMic?.length, last.responseToken], [NegState.AcceptCompleted, 16, undefined]);
});

/** A client that prefers Kerberos and offers NTLM second, RFC 4178 4.2.2 `request-mic`. */
function preferringKerberos(mic: (sign: (list: Uint8Array) => Uint8Array, list: Uint8Array) => Uint8Array | undefined) {
  const end = createAcceptor(server());
  const inner = client();
  const first = encodeNegTokenInit([kerberos, ntlmOid], Buffer.from('a Kerberos ticket'));
  const list = init(first).mechTypesBytes;
  const chosen = at(end.accept(first)) as { state: string; token: Uint8Array };
  const challenge = at(end.accept(encodeNegTokenResp({ responseToken: (inner.next() as { token: Uint8Array }).token }))) as {
    token: Uint8Array;
  };
  const last = inner.next(response(challenge.token).responseToken);
  ok(last.state === 'complete');
  const sign = (bytes: Uint8Array): Uint8Array => last.integrity!.sign(bytes);
  const mechListMic = mic(sign, list);
  const step = at(end.accept(encodeNegTokenResp({ responseToken: last.token as Uint8Array, ...(mechListMic && { mechListMic }) })));
  return { end, chosen, challenge, step, list, integrity: last.integrity!, sign };
}

test('if the client’s preferred mechanism is not supported, ours is selected, and a MIC requested and returned (RFC 4178 5)', () => {
  const { chosen, challenge, step, list, integrity } = preferringKerberos((sign, bytes) => sign(bytes));
  deepStrictEqual(
    [chosen.state, response(chosen.token).negState, response(chosen.token).supportedMech],
    ['continue', NegState.RequestMic, ntlmOid],
  );
  strictEqual(response(challenge.token).supportedMech, undefined, 'the mechanism is named once');
  strictEqual(step.state, 'complete');
  const final = response((step as AuthComplete).token as Uint8Array);
  strictEqual(final.negState, NegState.AcceptCompleted);
  strictEqual(integrity.verify(list, final.mechListMic as Uint8Array), true);
});

test('a list of mechanisms that was changed in transit is detected by its MIC', () => {
  const { step } = preferringKerberos((sign) => sign(Buffer.from('another list')));
  strictEqual(failure(step).status, NtStatus.LogonFailure);
});

test('a required MIC that is missing is requested with one more round (RFC 4178 5)', () => {
  const { end, step, list, integrity, sign } = preferringKerberos(() => undefined);
  strictEqual(step.state, 'continue');
  const asked = response((step as { token: Uint8Array }).token);
  strictEqual(asked.negState, NegState.AcceptIncomplete);
  strictEqual(integrity.verify(list, asked.mechListMic as Uint8Array), true);
  const last = at(end.accept(encodeNegTokenResp({ mechListMic: sign(list) })));
  strictEqual(last.state, 'complete');
  deepStrictEqual(response((last as AuthComplete).token as Uint8Array).negState, NegState.AcceptCompleted);
});

test('a client without a common mechanism, one that starts with a response, or one that rejects, fails', () => {
  const fails = (...tokens: Uint8Array[]): number => {
    const end = createAcceptor(server());
    let step: AuthStep | undefined;
    for (const token of tokens) step = at(end.accept(token));
    return failure(step as AuthStep).status;
  };
  strictEqual(fails(encodeNegTokenInit([kerberos], new Uint8Array(4))), NtStatus.LogonFailure);
  strictEqual(fails(encodeNegTokenResp({ responseToken: new Uint8Array(4) })), NtStatus.InvalidParameter);
  strictEqual(fails(encodeNegTokenInit([ntlmOid]), encodeNegTokenInit([ntlmOid])), NtStatus.InvalidParameter);
  strictEqual(fails(encodeNegTokenInit([ntlmOid]), encodeNegTokenResp({ negState: NegState.Reject })), NtStatus.LogonFailure);
  strictEqual(fails(encodeNegTokenInit([ntlmOid]), encodeNegTokenResp({})), NtStatus.InvalidParameter);
  strictEqual(fails(new Uint8Array()), NtStatus.InvalidParameter);
});

test('random bytes always result in an error text', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      ok(['string', 'object'].includes(typeof decodeNegToken(noise)));
    }),
  );
  strictEqual(typeof decodeNegToken(new Uint8Array(70_000)), 'string');
  strictEqual(typeof decodeNegToken(new Uint8Array(60_000).fill(0x30)), 'string');
});
