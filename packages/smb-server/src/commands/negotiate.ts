import {
  Capabilities,
  Cipher,
  type Compression,
  CompressionAlgorithm,
  CompressionCapabilities,
  CompressionCapabilitiesFlags,
  commonCompression,
  Dialect,
  defaultSigningAlgorithm,
  dialects,
  EncryptionCapabilities,
  filetimeFromMs,
  type NegotiateContext,
  NegotiateContextType,
  NegotiateRequest,
  NegotiateResponse,
  NetnameNegotiateContext,
  NtStatus,
  PreauthIntegrityCapabilities,
  SecurityMode,
  SigningAlgorithm,
  SigningCapabilities,
  StatusError,
} from '@ring3/smb-proto';
import { Frame, flagNames, nameOf } from '@ring3/wire';
import { command } from '../request/command.ts';
import type { RequestConnection } from '../request/request.ts';
import { guidKey } from '../values/guid-key.ts';
import type { Negotiated } from '../values/negotiated.ts';

/** In the order of preference: the fastest here first. */
const ciphers = [Cipher.Aes128Gcm, Cipher.Aes128Ccm, Cipher.Aes256Gcm, Cipher.Aes256Ccm] as const;
const signingAlgorithms = [SigningAlgorithm.AesGmac, SigningAlgorithm.AesCmac, SigningAlgorithm.HmacSha256] as const;
const sha512 = 1;
const saltLength = 32;

/** NEGOTIATE, MS-SMB2 3.3.5.4: once for a connection. */
export const negotiate = command({
  needs: 'none',
  request: NegotiateRequest,
  response: NegotiateResponse,
  handle(ctx, request) {
    const { connection } = ctx;
    const { min, max } = connection.options.dialects;
    if (request.dialects.length === 0) return NtStatus.InvalidParameter;
    const dialect = Math.max(...request.dialects.filter((offered) => offered >= min && offered <= max && known.has(offered)));
    if (!Number.isFinite(dialect)) return NtStatus.NotSupported;
    const answers: NegotiateContext[] = [];
    const agreed = dialect === Dialect.Smb311 ? agreeByContexts(connection, request.negotiateContexts, answers) : undefined;
    connection.adopt(negotiatedBy(connection, request, dialect as Dialect, agreed));
    if (dialect === Dialect.Smb311) {
      connection.hash(ctx.frame.chunks(ctx.at, ctx.length));
      ctx.replied = (message) => connection.hash(message);
    }
    return negotiateAnswer(connection, connection.negotiated, answers);
  },
});

const known: ReadonlySet<number> = new Set<number>(Object.values(dialects));

/** The part of a NEGOTIATE request that the connection keeps. */
type Offer = Pick<NegotiateRequest, 'clientGuid' | 'capabilities' | 'securityMode' | 'dialects'>;

/** What SMB1's NEGOTIATE says: nothing but the dialect, MS-SMB2 3.3.5.3.1. */
const smb1Offer: Offer = { clientGuid: new Uint8Array(16), capabilities: 0, securityMode: 0, dialects: [] };

/** What SMB1's NEGOTIATE for dialect 2.0.2 decides. */
export const negotiatedBySmb1 = (connection: RequestConnection): Negotiated =>
  negotiatedBy(connection, smb1Offer, Dialect.Smb202, undefined);

/** SecurityMode of the responses on a connection. */
export const securityModeOf = ({ options }: RequestConnection): number =>
  SecurityMode.SigningEnabled | (options.signing === 'required' ? SecurityMode.SigningRequired : 0);

/** The parameters of a dialect. @param agreed by the contexts of 3.1.1 */
function negotiatedBy(connection: RequestConnection, offer: Offer, dialect: Dialect, agreed: ContextAgreement | undefined): Negotiated {
  const { limits } = connection.server;
  const large = dialect !== Dialect.Smb202;
  const encrypts = dialect >= Dialect.Smb30 && dialect < Dialect.Smb311 && (offer.capabilities & Capabilities.Encryption) !== 0;
  const is3x = dialect >= Dialect.Smb30;
  const { server, options } = connection;
  const forAsking =
    (options.directoryLeases ? Capabilities.DirectoryLeasing : 0) |
    (server.persistence.isSupported ? Capabilities.PersistentHandles : 0) |
    (options.multichannel ? Capabilities.MultiChannel : 0);
  return Object.freeze({
    dialect,
    clientGuid: new Uint8Array(offer.clientGuid),
    clientKey: guidKey(offer.clientGuid),
    clientCapabilities: offer.capabilities,
    clientSecurityMode: offer.securityMode,
    clientDialects: offer.dialects,
    clientName: agreed?.clientName ?? '',
    serverCapabilities:
      (large ? Capabilities.LargeMtu | Capabilities.Leasing : 0) |
      (encrypts ? Capabilities.Encryption : 0) |
      (is3x ? offer.capabilities & forAsking : 0),
    serverSecurityMode: securityModeOf(connection),
    cipher: encrypts ? Cipher.Aes128Ccm : agreed?.cipher,
    signingAlgorithm: agreed?.signingAlgorithm ?? defaultSigningAlgorithm(dialect),
    compression: agreed?.compression,
    maxTransact: large ? limits.maxTransact : 65536,
    maxRead: large ? limits.maxRead : 65536,
    maxWrite: large ? limits.maxWrite : 65536,
    multiCredit: large,
  });
}

/** What the contexts of 3.1.1 agree on. */
interface ContextAgreement {
  cipher: Cipher | undefined;
  signingAlgorithm: SigningAlgorithm;
  compression: Compression | undefined;
  clientName: string;
}

/** What 3.1.1 agrees on by contexts, MS-SMB2 3.3.5.4. @throws StatusError if the offer is rejected */
function agreeByContexts(
  connection: RequestConnection,
  offered: readonly NegotiateContext[],
  answers: NegotiateContext[],
): ContextAgreement {
  const seen = new Set<number>();
  const agreed: ContextAgreement = {
    cipher: undefined,
    signingAlgorithm: SigningAlgorithm.AesCmac,
    compression: undefined,
    clientName: '',
  };
  for (const { contextType, data } of offered) {
    const row = contextRows[contextType];
    if (row === undefined) continue;
    if (seen.has(contextType)) throw new StatusError(NtStatus.InvalidParameter, `two negotiate contexts of type ${contextType}`);
    seen.add(contextType);
    const answer = row(agreed, new Frame(data), connection);
    if (answer !== undefined) answers.push({ contextType, data: answer, reserved: 0 });
  }
  if (!seen.has(NegotiateContextType.PreauthIntegrityCapabilities)) {
    throw new StatusError(NtStatus.InvalidParameter, 'no preauthentication integrity at 3.1.1');
  }
  return agreed;
}

/** One function for each context that is understood; the others are ignored. */
const contextRows: Readonly<
  Record<number, (agreed: ContextAgreement, data: Frame, connection: RequestConnection) => Uint8Array | undefined>
> = {
  [NegotiateContextType.PreauthIntegrityCapabilities]: (_, data, { server }) => {
    const { hashAlgorithms } = PreauthIntegrityCapabilities.read(data, 0);
    if (hashAlgorithms.length === 0) throw new StatusError(NtStatus.InvalidParameter, 'no hash algorithm');
    if (!hashAlgorithms.includes(sha512)) throw new StatusError(NtStatus.SmbNoPreauthIntegrityHashOverlap, 'no hash algorithm in common');
    const salt = server.random.fill(new Uint8Array(saltLength));
    return PreauthIntegrityCapabilities.encode({ hashAlgorithms: [sha512], salt }).head;
  },
  [NegotiateContextType.EncryptionCapabilities]: (agreed, data) => {
    const { ciphers: offered } = EncryptionCapabilities.read(data, 0);
    if (offered.length === 0) throw new StatusError(NtStatus.InvalidParameter, 'no cipher');
    agreed.cipher = ciphers.find((cipher) => offered.includes(cipher));
    return EncryptionCapabilities.encode({ ciphers: [agreed.cipher ?? 0] }).head;
  },
  [NegotiateContextType.CompressionCapabilities]: (agreed, data, { options }) => {
    if (!options.compression) return undefined;
    const { compressionAlgorithms: offered, flags } = CompressionCapabilities.read(data, 0);
    if (offered.length === 0) throw new StatusError(NtStatus.InvalidParameter, 'no compression algorithm');
    const chained = (flags & CompressionCapabilitiesFlags.Chained) !== 0;
    agreed.compression = commonCompression(offered, chained);
    const compressionAlgorithms = [...(agreed.compression?.algorithms ?? [CompressionAlgorithm.None])];
    const common = chained && agreed.compression !== undefined ? CompressionCapabilitiesFlags.Chained : 0;
    return CompressionCapabilities.encode({ flags: common, compressionAlgorithms }).head;
  },
  [NegotiateContextType.SigningCapabilities]: (agreed, data) => {
    const { signingAlgorithms: offered } = SigningCapabilities.read(data, 0);
    if (offered.length === 0) throw new StatusError(NtStatus.InvalidParameter, 'no signing algorithm');
    const chosen = signingAlgorithms.find((algorithm) => offered.includes(algorithm));
    if (chosen === undefined) return undefined;
    agreed.signingAlgorithm = chosen;
    return SigningCapabilities.encode({ signingAlgorithms: [chosen] }).head;
  },
  [NegotiateContextType.NetnameNegotiateContextId]: (agreed, data) => {
    agreed.clientName = NetnameNegotiateContext.read(data, 0).netName.replaceAll('\0', '');
    return undefined;
  },
};

function logNegotiated({ id, link, server }: RequestConnection, negotiated: Negotiated): void {
  const { dialect, clientDialects, clientName, cipher, signingAlgorithm, compression, serverCapabilities } = negotiated;
  server.debug.say('conn', 'negotiated', {
    connection: id,
    peer: link.peer,
    dialect: nameOf(Dialect, dialect),
    offered: clientDialects.map((offered) => nameOf(Dialect, offered)),
    cipher: cipher === undefined ? 'none' : nameOf(Cipher, cipher),
    signing: nameOf(SigningAlgorithm, signingAlgorithm),
    compression: compression === undefined ? 'none' : compression.algorithms.map((algorithm) => nameOf(CompressionAlgorithm, algorithm)),
    capabilities: flagNames(Capabilities, serverCapabilities),
    server: clientName,
  });
}

/** The response, MS-SMB2 2.2.4. */
export function negotiateAnswer(
  connection: RequestConnection,
  negotiated: Negotiated,
  negotiateContexts: NegotiateContext[],
): NegotiateAnswer {
  if (connection.server.debug.on.conn) logNegotiated(connection, negotiated);
  const { dialect: dialectRevision, serverSecurityMode: securityMode, serverCapabilities: capabilities } = negotiated;
  const { maxTransact: maxTransactSize, maxRead: maxReadSize, maxWrite: maxWriteSize } = negotiated;
  const sizes = { maxTransactSize, maxReadSize, maxWriteSize };
  return { ...ofServer(connection), securityMode, dialectRevision, capabilities, ...sizes, negotiateContexts };
}

type NegotiateAnswer = Parameters<typeof NegotiateResponse.encode>[0];

/** The response to SMB1's NEGOTIATE with the wildcard 2.???, after which SMB2's NEGOTIATE follows. MS-SMB2 3.3.5.3.2. */
export const wildcardAnswer = (connection: RequestConnection): NegotiateAnswer => ({
  ...ofServer(connection),
  securityMode: securityModeOf(connection),
  dialectRevision: Dialect.Wildcard,
  capabilities: 0,
  maxTransactSize: 65536,
  maxReadSize: 65536,
  maxWriteSize: 65536,
  negotiateContexts: [],
});

const ofServer = ({ server }: RequestConnection) => ({
  serverGuid: server.guid,
  systemTime: filetimeFromMs(server.clock.wall()),
  serverStartTime: 0n,
  securityBuffer: server.securityBuffer,
});
