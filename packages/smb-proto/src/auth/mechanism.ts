/** Who logged on, and the key that both ends now share. */
export interface Logon {
  /** As the client wrote it; empty for anonymous. */
  readonly user: string;
  readonly domain: string;
  /** The client's own name for itself: a hint for logs, nothing vouches for it. */
  readonly workstation: string;
  readonly anonymous: boolean;
  /** An unknown user let in as a guest: nothing was proved, and the key is no secret. */
  readonly guest: boolean;
  /** Session.FullSessionKey of MS-SMB2 3.3.5.5.3. */
  readonly sessionKey: Uint8Array;
  /** The mechanism's name, such as `ntlm`. */
  readonly mechanism: string;
}

/** The mechanism's own signature over a few bytes, which SPNEGO protects its list of mechanisms with (RFC 4178 5). Each direction counts on its own. */
export interface MessageIntegrity {
  sign(message: Uint8Array): Uint8Array;
  /** Constant time. */
  verify(message: Uint8Array, code: Uint8Array): boolean;
}

/** More tokens are needed; the peer gets this one. */
export interface AuthContinue {
  readonly state: 'continue';
  readonly token: Uint8Array;
}
/** Authentication failed. `status` goes on the wire, `reason` into the log. */
export interface AuthFailed {
  readonly state: 'failed';
  /** NTSTATUS: LogonFailure where credentials are wrong, InvalidParameter where the token is malformed. */
  readonly status: number;
  readonly reason: string;
  /** Who tried, where the token said it. */
  readonly user?: string;
  readonly domain?: string;
  readonly workstation?: string;
}
/** The user is known. `token`, if any, still goes to the peer. */
export interface AuthComplete {
  readonly state: 'complete';
  readonly token: Uint8Array | undefined;
  readonly logon: Logon;
  /** Absent where there is no secret key to sign with. */
  readonly integrity?: MessageIntegrity;
}
export type AuthStep = AuthContinue | AuthFailed | AuthComplete;

/** The server's end of one authentication: no I/O, one object for each attempt, fed token by token. Nothing is thrown for what a peer sends. */
export interface Acceptor {
  accept(token: Uint8Array): AuthStep | Promise<AuthStep>;
}

/** A way to authenticate, as the server offers it. */
export interface Mechanism {
  /** For people: `ntlm`. */
  readonly name: string;
  /** Its object identifiers in SPNEGO, dotted, the preferred one first. */
  readonly oids: readonly string[];
  /** Whether a token that came without SPNEGO is this mechanism's. */
  recognizes?(token: Uint8Array): boolean;
  acceptor(): Acceptor;
}

export interface InitiatorContinue {
  readonly state: 'continue';
  readonly token: Uint8Array;
}
export interface InitiatorComplete {
  readonly state: 'complete';
  /** The last token for the server, if there is one. */
  readonly token: Uint8Array | undefined;
  readonly sessionKey: Uint8Array;
  readonly integrity?: MessageIntegrity;
}
export type InitiatorStep = InitiatorContinue | InitiatorComplete | AuthFailed;

/** The client's end of one authentication. */
export interface Initiator {
  readonly oid: string;
  /** @param token what the server sent; none to begin with */
  next(token?: Uint8Array): InitiatorStep;
}

/** A failed step. */
export const authFailed = (
  status: number,
  reason: string,
  who: { user?: string; domain?: string; workstation?: string } = {},
): AuthFailed => ({
  state: 'failed',
  status,
  reason,
  ...who,
});
