import { fakeRandom, type Link, linkPair } from '@ring3/kit';
import {
  Cipher,
  Command,
  createAcceptor,
  Dialect,
  EncryptionCapabilities,
  Header,
  HeaderFlags,
  NegotiateContextType,
  NegotiateResponse,
  NtStatus,
  negotiateToken,
  ntHash,
  ntlmMechanism,
  PreauthIntegrityCapabilities,
  preauthHash,
  SessionSetupRequest,
  SessionSetupResponse,
  Signer,
  SigningAlgorithm,
  SigningCapabilities,
  sessionKeys,
  TreeConnectResponse,
} from '@ring3/smb-proto';
import { type Encoded, Frame } from '@ring3/wire';
import { FrameSplitter, framing } from './framing.ts';

/** The options of a scripted response, in addition to its body. */
export interface Answer {
  readonly body: Encoded;
  readonly status?: number;
  readonly credits?: number;
  readonly flags?: number;
  readonly asyncId?: number;
  /** Leaves the response unsigned, or signs it wrongly, where the server would sign. */
  readonly signature?: 'none' | 'wrong';
}

/** A request as received by the scripted server. */
export interface Asked {
  readonly header: Header;
  readonly frame: Frame;
  readonly at: number;
  readonly length: number;
}

/**
 * A peer in one function, for tests: negotiates 3.1.1, authenticates `user` with `password` by NTLM, connects any share. The script handles all other
 * requests and may respond at once, several times, or not at all.
 */
export interface FakeServer {
  readonly link: Link;
  /** All requests so far; compounded requests are listed one by one. */
  readonly asked: Asked[];
  answer(to: Asked, answer: Answer): void;
  /** The bytes of one frame, unchanged. */
  send(...chunks: Uint8Array[]): void;
}

const sessionId = 0x1234_5678;

class Scripted implements FakeServer {
  readonly link: Link;
  readonly asked: Asked[] = [];
  readonly #far: Link;
  readonly #script: (asked: Asked, server: FakeServer) => void;
  readonly #mechanism = ntlmMechanism({
    lookup: (user) => (user === 'user' ? ntHash('password') : undefined),
    computerName: 'FAKE',
    random: fakeRandom(3),
    now: () => 0,
  });
  readonly #acceptor = createAcceptor([this.#mechanism]);
  #hash: Uint8Array = new Uint8Array(64);
  #signer: Signer | undefined;
  readonly negotiate: Partial<Parameters<typeof NegotiateResponse.encode>[0]>;

  constructor(script: (asked: Asked, server: FakeServer) => void, negotiate: Scripted['negotiate']) {
    this.#script = script;
    this.negotiate = negotiate;
    [this.link, this.#far] = linkPair();
    const splitter = new FrameSplitter((chunks, length) => this.#frame(new Frame(Buffer.concat(chunks, length))));
    this.#far.open({ receive: (bytes) => splitter.receive(bytes), end: () => {} });
  }

  send(...chunks: Uint8Array[]): void {
    this.#far.send([framing(chunks.reduce((sum, { length }) => sum + length, 0)), ...chunks]);
  }

  answer({ header }: Asked, { body, status = 0, credits = 1, flags = 0, asyncId, signature }: Answer): void {
    const { head, rest } = body;
    const signs = this.#signer !== undefined && signature !== 'none' && header.command !== Command.Negotiate;
    const all = (HeaderFlags.ServerToRedir | flags | (signs ? HeaderFlags.Signed : 0)) >>> 0;
    Header.write(new Frame(head), 0, {
      ...header,
      status,
      credits,
      flags: all,
      nextCommand: 0,
      sessionId: header.command === 0 ? 0 : sessionId,
    });
    if (asyncId !== undefined) new DataView(head.buffer).setBigUint64(Header.offset.processId, BigInt(asyncId), true);
    if (signs) this.#signer?.sign([head, ...rest], 'server');
    if (signature === 'wrong') head[Header.offset.signature]! ^= 1;
    this.send(head, ...rest);
  }

  #frame(frame: Frame): void {
    for (let at = 0; ; ) {
      const header = Header.read(frame, at);
      const length = header.nextCommand === 0 ? frame.length - at : header.nextCommand;
      const asked = { header, frame, at, length };
      this.asked.push(asked);
      this.#take(asked);
      if (header.nextCommand === 0) return;
      at += length;
    }
  }

  #take(asked: Asked): void {
    const { command } = asked.header;
    if (command === Command.Negotiate) this.#onNegotiate(asked);
    else if (command === Command.SessionSetup) void this.#onSessionSetup(asked);
    else if (command === Command.TreeConnect) {
      const body = TreeConnectResponse.encode({ shareType: 1, shareFlags: 0, capabilities: 0, maximalAccess: 0x1f01ff });
      this.answer({ ...asked, header: { ...asked.header, treeId: 5 } }, { body });
    } else this.#script(asked, this);
  }

  #onNegotiate(asked: Asked): void {
    const contexts: [number, Encoded][] = [
      [
        NegotiateContextType.PreauthIntegrityCapabilities,
        PreauthIntegrityCapabilities.encode({ hashAlgorithms: [1], salt: new Uint8Array(32) }),
      ],
      [NegotiateContextType.EncryptionCapabilities, EncryptionCapabilities.encode({ ciphers: [Cipher.Aes128Gcm] })],
      [NegotiateContextType.SigningCapabilities, SigningCapabilities.encode({ signingAlgorithms: [SigningAlgorithm.AesGmac] })],
    ];
    const body = NegotiateResponse.encode({
      securityMode: 3,
      dialectRevision: Dialect.Smb311,
      serverGuid: new Uint8Array(16),
      capabilities: 0x44,
      maxTransactSize: 2 ** 20,
      maxReadSize: 2 ** 20,
      maxWriteSize: 2 ** 20,
      systemTime: 0n,
      serverStartTime: 0n,
      securityBuffer: negotiateToken([this.#mechanism]),
      negotiateContexts: contexts.map(([contextType, { head }]) => ({ contextType, data: head }) as never),
      ...this.negotiate,
    });
    this.answer(asked, { body });
    this.#hash = preauthHash(preauthHash(this.#hash, [asked.frame.bytes]), [body.head]);
  }

  async #onSessionSetup(asked: Asked): Promise<void> {
    this.#hash = preauthHash(this.#hash, [asked.frame.bytes]);
    const step = await this.#acceptor.accept(SessionSetupRequest.read(asked.frame, asked.at, asked.length).securityBuffer);
    const body = SessionSetupResponse.encode({
      sessionFlags: 0,
      securityBuffer: (step.state !== 'failed' && step.token) || new Uint8Array(),
    });
    if (step.state === 'failed') return this.answer(asked, { body, status: step.status });
    if (step.state === 'continue') {
      this.answer(asked, { body, status: NtStatus.MoreProcessingRequired });
      this.#hash = preauthHash(this.#hash, [body.head]);
      return;
    }
    this.#signer = new Signer(SigningAlgorithm.AesGmac, sessionKeys(Dialect.Smb311, step.logon.sessionKey, this.#hash, 128).signing);
    this.answer(asked, { body, credits: 8 });
  }
}

/** @param negotiate fields of the NEGOTIATE response that replace the defaults */
export const fakeServer = (script: (asked: Asked, server: FakeServer) => void, negotiate: Scripted['negotiate'] = {}): FakeServer =>
  new Scripted(script, negotiate);
