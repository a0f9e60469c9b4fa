import { NtStatus } from '../status.ts';
import { type Acceptor, type AuthComplete, type AuthStep, authFailed, type Mechanism } from './mechanism.ts';
import {
  decodeNegToken,
  encodeNegTokenInit2,
  encodeNegTokenResp,
  NegState,
  type NegTokenInit,
  type NegTokenResp,
} from './spnego-tokens.ts';

/** The security buffer of a NEGOTIATE response: the mechanisms that the server offers. */
export const negotiateToken = (mechanisms: readonly Mechanism[]): Uint8Array => encodeNegTokenInit2(mechanisms.flatMap(({ oids }) => oids));

/** The server's end of SPNEGO, RFC 4178. Tokens that come without it go to the mechanism that knows them, and its answers back as they are. */
class SpnegoAcceptor implements Acceptor {
  readonly #mechanisms: readonly Mechanism[];
  #inner: Acceptor | undefined;
  #bare = false;
  #oid: string | undefined;
  #mechTypesBytes: Uint8Array = new Uint8Array();
  /** Whether ours was the mechanism that the client likes best; otherwise the list must be protected (RFC 4178 5). */
  #preferred = true;
  /** Authenticated, but the client's code over the list is still to come. */
  #awaitingMic: AuthComplete | undefined;
  #done = false;

  constructor(mechanisms: readonly Mechanism[]) {
    this.#mechanisms = mechanisms;
  }

  accept(token: Uint8Array): AuthStep | Promise<AuthStep> {
    if (this.#done) return authFailed(NtStatus.InvalidParameter, 'a token after the last one');
    const step = this.#accept(token);
    return step instanceof Promise ? step.then((found) => this.#noted(found)) : this.#noted(step);
  }

  #noted(step: AuthStep): AuthStep {
    this.#done = step.state !== 'continue';
    return step;
  }

  #accept(token: Uint8Array): AuthStep | Promise<AuthStep> {
    if (this.#inner === undefined) {
      const bare = this.#mechanisms.find((mechanism) => mechanism.recognizes?.(token) === true);
      if (bare !== undefined) {
        this.#bare = true;
        this.#inner = bare.acceptor();
      }
    }
    if (this.#bare) return this.#inner!.accept(token);
    const read = decodeNegToken(token);
    if (typeof read === 'string') return authFailed(NtStatus.InvalidParameter, `SPNEGO: ${read}`);
    if (this.#inner === undefined) {
      return read.kind === 'init' ? this.#onInit(read) : authFailed(NtStatus.InvalidParameter, 'SPNEGO: NegTokenInit wanted');
    }
    return read.kind === 'response' ? this.#onResponse(read) : authFailed(NtStatus.InvalidParameter, 'SPNEGO: NegTokenResp wanted');
  }

  #onInit(init: NegTokenInit): AuthStep | Promise<AuthStep> {
    const supported = (oid: string): Mechanism | undefined => this.#mechanisms.find(({ oids }) => oids.includes(oid));
    const index = init.mechTypes.findIndex((oid) => supported(oid) !== undefined);
    const oid = init.mechTypes[index];
    if (oid === undefined) return authFailed(NtStatus.LogonFailure, `SPNEGO: none of ${init.mechTypes.join(', ')} is spoken here`);
    this.#inner = supported(oid)!.acceptor();
    this.#oid = oid;
    this.#preferred = index === 0;
    this.#mechTypesBytes = init.mechTypesBytes;
    if (!this.#preferred || init.mechToken === undefined) {
      const negState = this.#preferred ? NegState.AcceptIncomplete : NegState.RequestMic;
      return { state: 'continue', token: encodeNegTokenResp({ negState, ...this.#chosen() }) };
    }
    return this.#forward(init.mechToken, init.mechListMic);
  }

  #onResponse(response: NegTokenResp): AuthStep | Promise<AuthStep> {
    if (response.negState === NegState.Reject) return authFailed(NtStatus.LogonFailure, 'SPNEGO: the client gave up');
    if (this.#awaitingMic !== undefined) {
      if (response.mechListMic === undefined) return authFailed(NtStatus.InvalidParameter, 'SPNEGO: mechListMIC wanted');
      return this.#finish(this.#awaitingMic, response.mechListMic, false);
    }
    if (response.responseToken === undefined) return authFailed(NtStatus.InvalidParameter, 'SPNEGO: a response token wanted');
    return this.#forward(response.responseToken, response.mechListMic);
  }

  /** The mechanism, only in the first response. */
  #chosen(): { supportedMech?: string } {
    const oid = this.#oid;
    this.#oid = undefined;
    return oid === undefined ? {} : { supportedMech: oid };
  }

  #forward(token: Uint8Array, mic: Uint8Array | undefined): AuthStep | Promise<AuthStep> {
    const step = this.#inner!.accept(token);
    return step instanceof Promise ? step.then((found) => this.#wrap(found, mic)) : this.#wrap(step, mic);
  }

  #wrap(step: AuthStep, mic: Uint8Array | undefined): AuthStep {
    if (step.state === 'failed') return step;
    if (step.state === 'continue') {
      const token = encodeNegTokenResp({ negState: NegState.AcceptIncomplete, ...this.#chosen(), responseToken: step.token });
      return { state: 'continue', token };
    }
    return this.#finish(step, mic, true);
  }

  /** RFC 4178 5: what one end signs the other does too; where the preferred mechanism was not taken, both must. */
  #finish(step: AuthComplete, mic: Uint8Array | undefined, answerMic: boolean): AuthStep {
    const { integrity, token, logon } = step;
    const answer = { ...this.#chosen(), ...(token !== undefined && this.#awaitingMic === undefined && { responseToken: token }) };
    const secret = integrity !== undefined && !logon.anonymous;
    if (mic !== undefined && secret && !integrity.verify(this.#mechTypesBytes, mic)) {
      const { user, domain, workstation } = logon;
      return authFailed(NtStatus.LogonFailure, 'SPNEGO: mechListMIC is wrong', { user, domain, workstation });
    }
    const signed = answerMic && secret && (mic !== undefined || !this.#preferred);
    const mechListMic = signed ? { mechListMic: integrity.sign(this.#mechTypesBytes) } : {};
    if (mic === undefined && secret && !this.#preferred) {
      this.#awaitingMic = step;
      return { state: 'continue', token: encodeNegTokenResp({ negState: NegState.AcceptIncomplete, ...answer, ...mechListMic }) };
    }
    return { ...step, token: encodeNegTokenResp({ negState: NegState.AcceptCompleted, ...answer, ...mechListMic }) };
  }
}

/** A fresh acceptor for one authentication, over all mechanisms that the server offers. */
export const createAcceptor = (mechanisms: readonly Mechanism[]): Acceptor => new SpnegoAcceptor(mechanisms);
