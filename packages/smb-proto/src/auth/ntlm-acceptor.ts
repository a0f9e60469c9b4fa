import { DecodeError, Frame, type TypeOf } from '@ring3/wire';
import type { RandomBytes } from '../crypto/random-bytes.ts';
import { rc4 } from '../crypto/rc4.ts';
import { filetimeFromMs } from '../dtyp/filetime.ts';
import { NtStatus, StatusError } from '../status.ts';
import { type Acceptor, type AuthComplete, type AuthStep, authFailed, type Logon, type Mechanism } from './mechanism.ts';
import { hmacMd5, ntlmIntegrity, ntProof, responseKeyNt, sameCode, sessionBaseKey, unicode } from './ntlm-crypto.ts';
import {
  AvFlags,
  AvId,
  type AvPair,
  avPairs,
  isNtlmMessage,
  micLength,
  micOffset,
  NtlmAuthenticate,
  NtlmChallenge,
  NtlmFlags,
  NtlmNegotiateHead,
  NtlmV2ClientChallenge,
  ntlmMessageType,
  ntlmVersion,
} from './ntlm-messages.ts';

/** NTLM's object identifier in SPNEGO, MS-SPNG 1.9. */
export const ntlmOid = '1.3.6.1.4.1.311.2.2.10';

/**
 * Returns the NT hash of a user, or undefined if the user does not exist. `domain` is the client's value, often the name of its machine.
 * A StatusError fails the attempt with its status, before the proof is verified.
 */
export type UserLookup = (user: string, domain: string) => Uint8Array | undefined | Promise<Uint8Array | undefined>;

export interface NtlmServerOptions {
  readonly lookup: UserLookup;
  /** The server's NetBIOS name: at most 15 characters, upper case. */
  readonly computerName: string;
  /** The users' domain; on a server without a domain its own name. */
  readonly domainName?: string;
  readonly dnsComputerName?: string;
  readonly dnsDomainName?: string;
  readonly random: RandomBytes;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Whether anonymous clients are accepted (the server decides about their rights). Default: no. */
  readonly anonymous?: boolean;
  /** Whether a user that `lookup` does not know becomes a guest. A wrong password of a known user never does. Default: no. */
  readonly guest?: boolean;
  /** Windows' upper case of a user's name, as clients hash it. Default: that of JavaScript, one UTF-16 unit for one. */
  readonly upperCase?: (text: string) => string;
}

/** A message that must be rejected, with its status. Used only in this file. */
class Refusal extends Error {
  readonly status: number;
  constructor(status: number, reason: string) {
    super(reason);
    this.status = status;
  }
}
const malformed = (reason: string): never => {
  throw new Refusal(NtStatus.InvalidParameter, reason);
};
const denied = (reason: string): never => {
  throw new Refusal(NtStatus.LogonFailure, reason);
};

/** The flags that the client may choose, MS-NLMP 3.2.5.1.1. */
const negotiable =
  NtlmFlags.Sign |
  NtlmFlags.Seal |
  NtlmFlags.AlwaysSign |
  NtlmFlags.ExtendedSessionSecurity |
  NtlmFlags.Bits128 |
  NtlmFlags.Bits56 |
  NtlmFlags.KeyExchange |
  NtlmFlags.Version;

/** NegotiateFlags of the CHALLENGE, MS-NLMP 3.2.5.1.1. */
function challengeFlags(client: number): number {
  if ((client & (NtlmFlags.Unicode | NtlmFlags.Oem)) === 0) malformed('neither Unicode nor OEM text');
  if ((client & NtlmFlags.ExtendedSessionSecurity) === 0) denied('no extended session security: NTLMv1 is not spoken here');
  const text = (client & NtlmFlags.Unicode) !== 0 ? NtlmFlags.Unicode : NtlmFlags.Oem;
  return (
    (text | (client & negotiable) | NtlmFlags.RequestTarget | NtlmFlags.TargetTypeServer | NtlmFlags.TargetInfo | NtlmFlags.Ntlm) >>> 0
  );
}

function targetInfo(options: NtlmServerOptions): Uint8Array {
  const { computerName, domainName = computerName, dnsComputerName = computerName.toLowerCase(), dnsDomainName = '' } = options;
  const timestamp = new Uint8Array(8);
  new DataView(timestamp.buffer).setBigUint64(0, filetimeFromMs(options.now()), true);
  const pairs: AvPair[] = [
    { id: AvId.NbDomainName, value: unicode(domainName) },
    { id: AvId.NbComputerName, value: unicode(computerName) },
    { id: AvId.DnsDomainName, value: unicode(dnsDomainName) },
    { id: AvId.DnsComputerName, value: unicode(dnsComputerName) },
    { id: AvId.Timestamp, value: timestamp },
  ];
  const frame = Frame.alloc(avPairs.size(pairs));
  avPairs.write(frame, 0, pairs);
  return frame.bytes;
}

type Authenticate = ReturnType<typeof NtlmAuthenticate.read>;
interface Claim {
  readonly user: string;
  readonly domain: string;
  readonly workstation: string;
}

/** Text of an AUTHENTICATE, in the negotiated character set; OEM is read as Latin-1. */
const textOf = (bytes: Uint8Array, flags: number): string => {
  if ((flags & NtlmFlags.Unicode) === 0) return Buffer.from(bytes).toString('latin1');
  if (bytes.length % 2 !== 0) malformed('Unicode text of an odd number of bytes');
  return Buffer.from(bytes).toString('utf16le');
};

/** An anonymous client sends no name, no NT response, and at most one zero byte of LM response, MS-NLMP 3.2.5.1.2. */
const isAnonymous = (message: Authenticate): boolean =>
  message.userName.length === 0 &&
  message.ntChallengeResponse.length === 0 &&
  (message.lmChallengeResponse.length === 0 || (message.lmChallengeResponse.length === 1 && message.lmChallengeResponse[0] === 0));

/** NTLMv2_RESPONSE, MS-NLMP 2.2.2.8: the proof, and the client's challenge that it is computed over. */
function splitResponse(response: Uint8Array): { proof: Uint8Array; temp: Uint8Array; challenge: TypeOf<typeof NtlmV2ClientChallenge> } {
  if (response.length <= 24) denied('no NTLMv2 response');
  const temp = response.subarray(16);
  return { proof: response.subarray(0, 16), temp, challenge: NtlmV2ClientChallenge.read(new Frame(temp), 0) };
}

const micPresent = (pairs: readonly AvPair[]): boolean => {
  const value = pairs.find(({ id }) => id === AvId.Flags)?.value;
  return value !== undefined && value.length === 4 && (value[0]! & AvFlags.MicPresent) !== 0;
};

/** The server's end of NTLM, MS-NLMP 3.2. Only NTLMv2; one object for each attempt. */
class NtlmAcceptor implements Acceptor {
  readonly #options: NtlmServerOptions;
  readonly #serverChallenge: Uint8Array;
  #negotiate: Uint8Array | undefined;
  #challenge: Uint8Array | undefined;
  #flags = 0;
  #done = false;

  constructor(options: NtlmServerOptions) {
    this.#options = options;
    this.#serverChallenge = options.random.fill(new Uint8Array(8));
  }

  accept(token: Uint8Array): AuthStep | Promise<AuthStep> {
    let claim: Claim | undefined;
    const failed = (error: unknown): AuthStep => {
      if (error instanceof Refusal || error instanceof StatusError) return authFailed(error.status, error.message, claim);
      if (error instanceof DecodeError) return authFailed(NtStatus.InvalidParameter, error.message, claim);
      throw error;
    };
    try {
      const frame = new Frame(token);
      if (this.#done) return malformed('a token after the last one');
      if (this.#challenge === undefined) return this.#onNegotiate(frame);
      this.#done = true;
      if (ntlmMessageType(frame) !== 3) return malformed('AUTHENTICATE wanted');
      const message = NtlmAuthenticate.read(frame, 0);
      const flags = this.#flags;
      claim = {
        user: textOf(message.userName, flags),
        domain: textOf(message.domainName, flags),
        workstation: textOf(message.workstation, flags),
      };
      const finished = this.#onAuthenticate(frame, message, claim);
      return finished instanceof Promise ? finished.catch(failed) : finished;
    } catch (error) {
      return failed(error);
    }
  }

  #onNegotiate(frame: Frame): AuthStep {
    if (ntlmMessageType(frame) !== 1) return malformed('NEGOTIATE wanted');
    this.#flags = challengeFlags(NtlmNegotiateHead.read(frame, 0).negotiateFlags);
    const { computerName } = this.#options;
    const targetName = (this.#flags & NtlmFlags.Unicode) !== 0 ? unicode(computerName) : Buffer.from(computerName, 'latin1');
    const info = targetInfo(this.#options);
    const { head } = NtlmChallenge.encode({
      negotiateFlags: this.#flags,
      serverChallenge: this.#serverChallenge,
      targetNameMaxLength: targetName.length,
      targetInfoMaxLength: info.length,
      version: (this.#flags & NtlmFlags.Version) !== 0 ? ntlmVersion : undefined,
      targetName,
      targetInfo: info,
    });
    this.#negotiate = new Uint8Array(frame.bytes);
    this.#challenge = head;
    return { state: 'continue', token: head };
  }

  #onAuthenticate(frame: Frame, message: Authenticate, claim: Claim): AuthStep | Promise<AuthStep> {
    if (isAnonymous(message)) {
      if (this.#options.anonymous !== true) return denied('anonymous clients are not let in');
      return this.#complete({ ...claim, anonymous: true, guest: false }, this.#exportedKey(message, new Uint8Array(16)), message);
    }
    const response = splitResponse(message.ntChallengeResponse);
    const hash = this.#options.lookup(claim.user, claim.domain);
    if (hash instanceof Promise) return hash.then((found) => this.#verify(frame, message, claim, response, found));
    return this.#verify(frame, message, claim, response, hash);
  }

  /** MS-NLMP 3.2.5.1.2. An unknown user costs the same computation as a known one. */
  #verify(
    frame: Frame,
    message: Authenticate,
    claim: Claim,
    response: ReturnType<typeof splitResponse>,
    hash: Uint8Array | undefined,
  ): AuthStep {
    const responseKey = responseKeyNt(hash ?? this.#serverChallenge, claim.user, claim.domain, this.#options.upperCase);
    const right = sameCode(ntProof(responseKey, this.#serverChallenge, response.temp), response.proof);
    const key = this.#exportedKey(message, sessionBaseKey(responseKey, response.proof));
    if (hash === undefined) {
      if (this.#options.guest !== true) return denied('no such user');
      return { state: 'complete', token: undefined, logon: this.#logon({ ...claim, anonymous: false, guest: true }, new Uint8Array(16)) };
    }
    if (!right) return denied('wrong password');
    if (micPresent(response.challenge.avPairs)) this.#verifyMic(frame, key);
    return this.#complete({ ...claim, anonymous: false, guest: false }, key, message);
  }

  /** ExportedSessionKey, MS-NLMP 3.2.5.1.2. */
  #exportedKey(message: Authenticate, keyExchangeKey: Uint8Array): Uint8Array {
    if ((this.#agreed(message) & NtlmFlags.KeyExchange) === 0) return keyExchangeKey;
    if (message.encryptedRandomSessionKey.length !== 16) malformed(`a session key of ${message.encryptedRandomSessionKey.length} bytes`);
    return rc4(keyExchangeKey, message.encryptedRandomSessionKey);
  }

  #agreed(message: Authenticate): number {
    return message.negotiateFlags & this.#flags;
  }

  /** The MIC covers all three messages with its own field zeroed, MS-NLMP 3.1.5.1.2. */
  #verifyMic(frame: Frame, key: Uint8Array): void {
    const mic = frame.slice(micOffset, micLength, 'NTLM_AUTHENTICATE', 'mic');
    const zeroed = new Uint8Array(frame.bytes);
    zeroed.fill(0, micOffset, micOffset + micLength);
    const right = hmacMd5(key, this.#negotiate as Uint8Array, this.#challenge as Uint8Array, zeroed);
    if (!sameCode(right, mic)) denied('the message integrity code is wrong');
  }

  #logon(who: Claim & { anonymous: boolean; guest: boolean }, sessionKey: Uint8Array): Logon {
    return { ...who, sessionKey, mechanism: 'ntlm' };
  }

  #complete(who: Claim & { anonymous: boolean; guest: boolean }, key: Uint8Array, message: Authenticate): AuthComplete {
    const integrity = ntlmIntegrity(this.#agreed(message), key, 'server');
    return { state: 'complete', token: undefined, logon: this.#logon(who, key), integrity };
  }
}

/** NTLMv2 as a server offers it, MS-NLMP 3.2. */
export const ntlmMechanism = (options: NtlmServerOptions): Mechanism => ({
  name: 'ntlm',
  oids: [ntlmOid],
  recognizes: isNtlmMessage,
  acceptor: () => new NtlmAcceptor(options),
});
