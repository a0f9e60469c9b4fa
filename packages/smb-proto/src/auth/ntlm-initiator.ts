import { DecodeError, Frame, type TypeOf } from '@ring3/wire';
import type { RandomBytes } from '../crypto/random-bytes.ts';
import { rc4 } from '../crypto/rc4.ts';
import { filetimeFromMs } from '../dtyp/filetime.ts';
import { NtStatus } from '../status.ts';
import { authFailed, type Initiator, type InitiatorStep } from './mechanism.ts';
import { ntlmOid } from './ntlm-acceptor.ts';
import { hmacMd5, ntHash, ntlmIntegrity, ntProof, responseKeyNt, sessionBaseKey, unicode } from './ntlm-crypto.ts';
import {
  AvFlags,
  AvId,
  type AvPair,
  avPairs,
  micOffset,
  NtlmAuthenticateWithMic,
  NtlmChallenge,
  NtlmFlags,
  NtlmNegotiate,
  NtlmV2ClientChallenge,
  ntlmVersion,
} from './ntlm-messages.ts';

export interface NtlmClientOptions {
  /** Empty for an anonymous logon. */
  readonly user: string;
  readonly domain?: string;
  readonly workstation?: string;
  /** The password, or its NT hash. */
  readonly password: string | Uint8Array;
  /** The target service, such as `cifs/host`. */
  readonly target?: string;
  readonly random: RandomBytes;
  /** Milliseconds since 1970, used if the server sends no time. */
  readonly now: () => number;
}

const clientFlags =
  (NtlmFlags.Unicode |
    NtlmFlags.RequestTarget |
    NtlmFlags.Sign |
    NtlmFlags.Seal |
    NtlmFlags.Ntlm |
    NtlmFlags.AlwaysSign |
    NtlmFlags.ExtendedSessionSecurity |
    NtlmFlags.TargetInfo |
    NtlmFlags.Version |
    NtlmFlags.Bits128 |
    NtlmFlags.Bits56 |
    NtlmFlags.KeyExchange) >>>
  0;

const empty = new Uint8Array();

/** The server's pairs, with the flag that a MIC is present, empty channel bindings, and the target name; MS-NLMP 3.1.5.1.2. */
function clientPairs(server: readonly AvPair[], target: string): AvPair[] {
  const replaced: number[] = [AvId.Flags, AvId.ChannelBindings, AvId.TargetName];
  return [
    ...server.filter(({ id }) => !replaced.includes(id)),
    { id: AvId.Flags, value: Uint8Array.of(AvFlags.MicPresent, 0, 0, 0) },
    { id: AvId.ChannelBindings, value: new Uint8Array(16) },
    { id: AvId.TargetName, value: unicode(target) },
  ];
}

/** The client's end of NTLM, MS-NLMP 3.1: NTLMv2 with a MIC and key exchange. */
class NtlmInitiator implements Initiator {
  readonly oid = ntlmOid;
  readonly #options: NtlmClientOptions;
  #negotiate: Uint8Array | undefined;

  constructor(options: NtlmClientOptions) {
    this.#options = options;
  }

  next(token?: Uint8Array): InitiatorStep {
    if (this.#negotiate === undefined) {
      const { head } = NtlmNegotiate.encode({ negotiateFlags: clientFlags, version: ntlmVersion, domainName: empty, workstation: empty });
      this.#negotiate = head;
      return { state: 'continue', token: head };
    }
    if (token === undefined) return authFailed(NtStatus.InvalidParameter, 'the server sent no challenge');
    try {
      return this.#onChallenge(token, NtlmChallenge.read(new Frame(token), 0));
    } catch (error) {
      if (error instanceof DecodeError) return authFailed(NtStatus.InvalidParameter, error.message);
      throw error;
    }
  }

  #onChallenge(token: Uint8Array, challenge: TypeOf<typeof NtlmChallenge>): InitiatorStep {
    const flags = (challenge.negotiateFlags & clientFlags) >>> 0;
    const wanted = NtlmFlags.Unicode | NtlmFlags.ExtendedSessionSecurity;
    if ((flags & wanted) !== wanted) return authFailed(NtStatus.LogonFailure, 'the server speaks no NTLMv2');
    const { user, domain = '', workstation = '', random } = this.#options;
    const { response, keyExchangeKey } = user === '' ? { response: empty, keyExchangeKey: new Uint8Array(16) } : this.#respond(challenge);
    const exchanged = (flags & NtlmFlags.KeyExchange) !== 0;
    const exported = exchanged ? random.fill(new Uint8Array(16)) : keyExchangeKey;
    const names = { userName: unicode(user), domainName: unicode(domain), workstation: unicode(workstation) };
    const encryptedRandomSessionKey = exchanged ? rc4(keyExchangeKey, exported) : empty;
    const lmChallengeResponse = new Uint8Array(user === '' ? 1 : 24);
    const { head } = NtlmAuthenticateWithMic.encode({
      negotiateFlags: (user === '' ? flags | NtlmFlags.Anonymous : flags) >>> 0,
      version: ntlmVersion,
      ...names,
      userNameMaxLength: names.userName.length,
      domainNameMaxLength: names.domainName.length,
      workstationMaxLength: names.workstation.length,
      lmChallengeResponse,
      lmChallengeResponseMaxLength: lmChallengeResponse.length,
      ntChallengeResponse: response,
      ntChallengeResponseMaxLength: response.length,
      encryptedRandomSessionKey,
      encryptedRandomSessionKeyMaxLength: encryptedRandomSessionKey.length,
    });
    if (user !== '') head.set(hmacMd5(exported, this.#negotiate as Uint8Array, token, head), micOffset);
    return { state: 'complete', token: head, sessionKey: exported, integrity: ntlmIntegrity(flags, exported, 'client') };
  }

  /** NTLMv2 response, MS-NLMP 3.3.2. @throws DecodeError if the server's target info is malformed */
  #respond(challenge: TypeOf<typeof NtlmChallenge>): { response: Uint8Array; keyExchangeKey: Uint8Array } {
    const { user, domain = '', password, target = '', random, now } = this.#options;
    const info = challenge.targetInfo.length === 0 ? [] : avPairs.read(new Frame(challenge.targetInfo), 0, challenge.targetInfo.length);
    let timeStamp = info.find(({ id, value }) => id === AvId.Timestamp && value.length === 8)?.value;
    if (timeStamp === undefined) {
      timeStamp = new Uint8Array(8);
      new DataView(timeStamp.buffer).setBigUint64(0, filetimeFromMs(now()), true);
    }
    const { head } = NtlmV2ClientChallenge.encode({
      timeStamp,
      challengeFromClient: random.fill(new Uint8Array(8)),
      avPairs: clientPairs(info, target),
    });
    const temp = new Uint8Array(head.length + 4); // terminated by four zero bytes
    temp.set(head);
    const key = responseKeyNt(typeof password === 'string' ? ntHash(password) : password, user, domain);
    const proof = ntProof(key, challenge.serverChallenge, temp);
    const response = new Uint8Array(16 + temp.length);
    response.set(proof);
    response.set(temp, 16);
    return { response, keyExchangeKey: sessionBaseKey(key, proof) };
  }
}

/** A new NTLM client for one authentication. */
export const createNtlmInitiator = (options: NtlmClientOptions): Initiator => new NtlmInitiator(options);
