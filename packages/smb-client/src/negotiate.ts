import {
  Capabilities,
  Cipher,
  Command,
  type Compression,
  type CompressionAlgorithm,
  CompressionCapabilities,
  CompressionCapabilitiesFlags,
  commonCompression,
  Dialect,
  defaultSigningAlgorithm,
  dialects,
  EncryptionCapabilities,
  NegotiateContextType,
  NegotiateRequest311,
  NegotiateRequestPlain,
  NegotiateResponse,
  NetnameNegotiateContext,
  PreauthIntegrityCapabilities,
  preauthHash,
  SecurityMode,
  SigningAlgorithm,
  SigningCapabilities,
} from '@ring3/smb-proto';
import { Frame, type InputOf } from '@ring3/wire';
import type { Connection } from './connection.ts';
import { SmbClientError } from './errors.ts';
import { expectStatus, messageOf, type Reply } from './request.ts';

export interface NegotiateOptions {
  /** Offered dialects; default: all five. */
  readonly dialects?: readonly Dialect[];
  /** Offered at 3.1.1, the preferred one first. */
  readonly ciphers?: readonly Cipher[];
  /** Offered at 3.1.1, the preferred one first; if empty, the context is not sent. */
  readonly signingAlgorithms?: readonly SigningAlgorithm[];
  /**
   * Offered at 3.1.1, the preferred one first; if empty, the context is not sent. READ and WRITE are compressed with what the server
   * supports. Default: none.
   */
  readonly compression?: readonly CompressionAlgorithm[];
  /** Whether chained compression is offered; default: yes. */
  readonly chainedCompression?: boolean;
  /** SecurityMode; default: signing enabled. */
  readonly securityMode?: number;
  readonly capabilities?: number;
  /** 16 bytes; default: random. */
  readonly clientGuid?: Uint8Array;
  /** SMB2_NETNAME_NEGOTIATE_CONTEXT_ID; default: not sent. */
  readonly netName?: string;
}

/** The result of NEGOTIATE. */
export interface Negotiated {
  readonly dialect: Dialect;
  readonly offered: readonly Dialect[];
  readonly clientGuid: Uint8Array;
  readonly clientCapabilities: number;
  readonly clientSecurityMode: number;
  readonly serverGuid: Uint8Array;
  readonly serverCapabilities: number;
  readonly serverSecurityMode: number;
  readonly signingAlgorithm: SigningAlgorithm;
  /** Undefined if the dialect or the server does not support encryption. */
  readonly cipher: Cipher | undefined;
  /** Undefined if nothing is compressed. */
  readonly compression: Compression | undefined;
  /** Whether requests may cost more than one credit. */
  readonly multiCredit: boolean;
  /** Bytes. */
  readonly maxTransactSize: number;
  readonly maxReadSize: number;
  readonly maxWriteSize: number;
  /** The server's initial SPNEGO token; may be empty. */
  readonly securityBuffer: Uint8Array;
}

const sha512 = 1;

function contextsOf(connection: Connection, options: NegotiateOptions): { contextType: NegotiateContextTypes; data: Uint8Array }[] {
  const { netName, compression = [], chainedCompression = true } = options;
  const flags = chainedCompression ? CompressionCapabilitiesFlags.Chained : 0;
  const { ciphers = [Cipher.Aes128Gcm, Cipher.Aes128Ccm, Cipher.Aes256Gcm, Cipher.Aes256Ccm] } = options;
  const { signingAlgorithms = [SigningAlgorithm.AesGmac, SigningAlgorithm.AesCmac, SigningAlgorithm.HmacSha256] } = options;
  const salt = connection.random.fill(new Uint8Array(32));
  const contexts = [
    {
      contextType: NegotiateContextType.PreauthIntegrityCapabilities,
      data: PreauthIntegrityCapabilities.encode({ hashAlgorithms: [sha512], salt }).head,
    },
    { contextType: NegotiateContextType.EncryptionCapabilities, data: EncryptionCapabilities.encode({ ciphers: [...ciphers] }).head },
    {
      contextType: NegotiateContextType.SigningCapabilities,
      data: SigningCapabilities.encode({ signingAlgorithms: [...signingAlgorithms] }).head,
    },
    {
      contextType: NegotiateContextType.CompressionCapabilities,
      data: CompressionCapabilities.encode({ flags, compressionAlgorithms: [...compression] }).head,
    },
    { contextType: NegotiateContextType.NetnameNegotiateContextId, data: NetnameNegotiateContext.encode({ netName: netName ?? '' }).head },
  ];
  return contexts.filter(
    ({ contextType }) =>
      (contextType !== NegotiateContextType.EncryptionCapabilities || ciphers.length > 0) &&
      (contextType !== NegotiateContextType.SigningCapabilities || signingAlgorithms.length > 0) &&
      (contextType !== NegotiateContextType.CompressionCapabilities || compression.length > 0) &&
      (contextType !== NegotiateContextType.NetnameNegotiateContextId || netName !== undefined),
  );
}
type NegotiateContextTypes = (typeof NegotiateContextType)[keyof typeof NegotiateContextType];

/** The first value of a capability context in the response. */
function chosen(response: NegotiateResponse, type: NegotiateContextTypes, read: (frame: Frame) => readonly number[]): number | undefined {
  const context = response.negotiateContexts.find(({ contextType }) => contextType === type);
  return context === undefined ? undefined : read(new Frame(context.data))[0];
}

/** The cipher, MS-SMB2 3.2.5.2: negotiated at 3.1.1, AES-128-CCM at 3.0 and 3.0.2 if the server supports encryption. */
function cipherOf(dialect: Dialect, response: NegotiateResponse): Cipher | undefined {
  if (dialect === Dialect.Smb311) {
    const number = chosen(response, NegotiateContextType.EncryptionCapabilities, (frame) => EncryptionCapabilities.read(frame, 0).ciphers);
    return number === undefined || number === 0 ? undefined : (number as Cipher);
  }
  return dialect >= Dialect.Smb30 && (response.capabilities & Capabilities.Encryption) !== 0 ? Cipher.Aes128Ccm : undefined;
}

/** The compression that the server agreed to, MS-SMB2 3.2.5.2. */
function compressionOf(response: NegotiateResponse, offered: readonly CompressionAlgorithm[]): Compression | undefined {
  const context = response.negotiateContexts.find(({ contextType }) => contextType === NegotiateContextType.CompressionCapabilities);
  if (context === undefined) return undefined;
  const { compressionAlgorithms, flags } = CompressionCapabilities.read(new Frame(context.data), 0);
  return commonCompression(compressionAlgorithms, (flags & CompressionCapabilitiesFlags.Chained) !== 0, offered);
}

/** NEGOTIATE, MS-SMB2 3.2.4.2.2.2. @throws StatusError, SmbClientError if the response selects a value that was not offered */
export async function negotiate(connection: Connection, options: NegotiateOptions): Promise<Negotiated> {
  const { dialects: offered = Object.values(dialects), securityMode = SecurityMode.SigningEnabled } = options;
  const clientGuid = options.clientGuid ?? connection.random.fill(new Uint8Array(16));
  const modern = offered.some((dialect) => dialect >= Dialect.Smb30);
  const capabilities = options.capabilities ?? (modern ? Capabilities.LargeMtu | Capabilities.Encryption : 0);
  const plain = { dialects: [...offered], securityMode, capabilities, clientGuid };
  const body = offered.includes(Dialect.Smb311)
    ? NegotiateRequest311.encode({ ...plain, negotiateContexts: contextsOf(connection, options) } as InputOf<typeof NegotiateRequest311>)
    : NegotiateRequestPlain.encode({ ...plain, negotiateContextOffset: 0, negotiateContextCount: 0 } as InputOf<
        typeof NegotiateRequestPlain
      >);
  const reply: Reply = expectStatus(await connection.send({ command: Command.Negotiate, body }).reply, 'NEGOTIATE');
  const response = NegotiateResponse.read(reply.frame, reply.at, reply.length);
  const dialect = response.dialectRevision as Dialect;
  if (!offered.includes(dialect)) throw new SmbClientError(`the server chose dialect 0x${dialect.toString(16)}, which was not offered`);
  if (dialect === Dialect.Smb311) connection.preauthHash = preauthHash(connection.preauthHash, messageOf(reply));
  const algorithm = chosen(
    response,
    NegotiateContextType.SigningCapabilities,
    (frame) => SigningCapabilities.read(frame, 0).signingAlgorithms,
  );
  return {
    dialect,
    offered,
    clientGuid,
    clientCapabilities: capabilities,
    clientSecurityMode: securityMode,
    serverGuid: response.serverGuid.slice(),
    serverCapabilities: response.capabilities,
    serverSecurityMode: response.securityMode,
    signingAlgorithm: (algorithm as SigningAlgorithm | undefined) ?? defaultSigningAlgorithm(dialect),
    cipher: cipherOf(dialect, response),
    compression: compressionOf(response, options.compression ?? []),
    multiCredit: dialect > Dialect.Smb202 && (response.capabilities & Capabilities.LargeMtu) !== 0,
    maxTransactSize: response.maxTransactSize,
    maxReadSize: response.maxReadSize,
    maxWriteSize: response.maxWriteSize,
    securityBuffer: response.securityBuffer.slice(),
  };
}
