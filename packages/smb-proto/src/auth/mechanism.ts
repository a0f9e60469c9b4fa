/** The authenticated user, and the key that both ends share. */
export interface Logon {
  /** As the client sent it; empty for anonymous. */
  readonly user: string;
  readonly domain: string;
  /** The client's workstation name: a hint for logs, not authenticated. */
  readonly workstation: string;
  readonly anonymous: boolean;
  /** An unknown user that was accepted as a guest: not authenticated, and the key is not secret. */
  readonly guest: boolean;
  /** Session.FullSessionKey of MS-SMB2 3.3.5.5.3. */
  readonly sessionKey: Uint8Array;
  /** The mechanism's name, such as `ntlm`. */
  readonly mechanism: string;
}

/** The mechanism's signature over a few bytes. SPNEGO protects its list of mechanisms with it (RFC 4178 5). Each direction has its own sequence number. */
export interface MessageIntegrity {
  sign(message: Uint8Array): Uint8Array;
  /** Compares in constant time. */
  verify(message: Uint8Array, code: Uint8Array): boolean;
}

/** More tokens are needed; this one is sent to the peer. */
export interface AuthContinue {
  readonly state: 'continue';
  readonly token: Uint8Array;
}
/** Authentication failed. `status` is sent to the client, `reason` is logged. */
export interface AuthFailed {
  readonly state: 'failed';
  /** NTSTATUS: LogonFailure for wrong credentials, InvalidParameter for a malformed token. */
  readonly status: number;
  readonly reason: string;
  /** The user name, if the token contained it. */
  readonly user?: string;
  readonly domain?: string;
  readonly workstation?: string;
}
/** The user is authenticated. `token`, if any, is still sent to the peer. */
export interface AuthComplete {
  readonly state: 'complete';
  readonly token: Uint8Array | undefined;
  readonly logon: Logon;
  /** Undefined without a secret key. */
  readonly integrity?: MessageIntegrity;
}
export type AuthStep = AuthContinue | AuthFailed | AuthComplete;

/** The server's end of one authentication: no I/O, one object for each attempt, one call per token. It never throws because of a peer's token. */
export interface Acceptor {
  accept(token: Uint8Array): AuthStep | Promise<AuthStep>;
}

/** A way to authenticate, as the server offers it. */
export interface Mechanism {
  /** For people: `ntlm`. */
  readonly name: string;
  /** Its object identifiers in SPNEGO, dotted, the preferred one first. */
  readonly oids: readonly string[];
  /** Returns whether a token without SPNEGO belongs to this mechanism. */
  recognizes?(token: Uint8Array): boolean;
  acceptor(): Acceptor;
}

export interface InitiatorContinue {
  readonly state: 'continue';
  readonly token: Uint8Array;
}
export interface InitiatorComplete {
  readonly state: 'complete';
  /** The last token for the server, if any. */
  readonly token: Uint8Array | undefined;
  readonly sessionKey: Uint8Array;
  readonly integrity?: MessageIntegrity;
}
export type InitiatorStep = InitiatorContinue | InitiatorComplete | AuthFailed;

/** The client's end of one authentication. */
export interface Initiator {
  readonly oid: string;
  /** @param token the server's token; undefined for the first step */
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
