import { NtStatus } from '../status.ts';
import { type AuthFailed, authFailed, type Initiator, type InitiatorStep, type MessageIntegrity } from './mechanism.ts';
import { decodeNegToken, encodeMechTypes, encodeNegTokenInit, encodeNegTokenResp, NegState } from './spnego-tokens.ts';

/** The client's end of SPNEGO, RFC 4178, over one mechanism. */
export class SpnegoInitiator implements Initiator {
  readonly oid: string;
  readonly #inner: Initiator;
  readonly #mechTypesBytes: Uint8Array;
  #started = false;
  #integrity: MessageIntegrity | undefined;

  constructor(inner: Initiator) {
    this.oid = inner.oid;
    this.#inner = inner;
    this.#mechTypesBytes = encodeMechTypes([inner.oid]);
  }

  next(token?: Uint8Array): InitiatorStep {
    if (!this.#started) {
      this.#started = true;
      const step = this.#inner.next();
      if (step.state === 'failed' || step.token === undefined) return step;
      return { ...step, token: encodeNegTokenInit([this.oid], step.token) };
    }
    const read = decodeNegToken(token ?? new Uint8Array());
    if (typeof read === 'string' || read.kind !== 'response')
      return authFailed(NtStatus.InvalidParameter, `SPNEGO: ${typeof read === 'string' ? read : 'NegTokenResp wanted'}`);
    if (read.negState === NegState.Reject) return authFailed(NtStatus.LogonFailure, 'SPNEGO: the server refused');
    const step = this.#inner.next(read.responseToken);
    if (step.state === 'failed') return step;
    if (step.state === 'continue') return { ...step, token: encodeNegTokenResp({ responseToken: step.token }) };
    this.#integrity = step.integrity;
    const mechListMic = step.integrity === undefined ? {} : { mechListMic: step.integrity.sign(this.#mechTypesBytes) };
    return { ...step, token: encodeNegTokenResp({ ...(step.token !== undefined && { responseToken: step.token }), ...mechListMic }) };
  }

  /** Looks at the token that came with the server's success. @returns the failure, where it must not be believed */
  finish(token: Uint8Array): AuthFailed | undefined {
    if (token.length === 0) return undefined;
    const read = decodeNegToken(token);
    if (typeof read === 'string' || read.kind !== 'response') return authFailed(NtStatus.InvalidParameter, 'SPNEGO: NegTokenResp wanted');
    if (read.negState !== undefined && read.negState !== NegState.AcceptCompleted)
      return authFailed(NtStatus.LogonFailure, 'SPNEGO: not completed');
    if (read.mechListMic !== undefined && this.#integrity?.verify(this.#mechTypesBytes, read.mechListMic) === false) {
      return authFailed(NtStatus.AccessDenied, 'SPNEGO: mechListMIC is wrong');
    }
    return undefined;
  }
}
