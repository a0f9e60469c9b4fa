import {
  Capabilities,
  Cipher,
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
import type { Connection } from '../connection/connection.ts';
import { command } from '../request/command.ts';
import { guidKey } from '../values/guid-key.ts';

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
    connection.cipher = undefined; // of a rejected offer
    connection.clientGuid = new Uint8Array(request.clientGuid);
    connection.clientKey = guidKey(connection.clientGuid);
    connection.clientCapabilities = request.capabilities;
    connection.clientSecurityMode = request.securityMode;
    connection.clientDialects = request.dialects;
    const answers: NegotiateContext[] = [];
    if (dialect === Dialect.Smb311) answerContexts(connection, request.negotiateContexts, answers);
    connection.awaitsSecondNegotiate = false;
    chooseDialect(connection, dialect as Dialect);
    if (dialect === Dialect.Smb311) {
      connection.hash(ctx.frame.chunks(ctx.at, ctx.length));
      ctx.replied = (message) => connection.hash(message);
    }
    return negotiateAnswer(connection, dialect, answers);
  },
});

const known: ReadonlySet<number> = new Set<number>(Object.values(dialects));

/** Takes a dialect, and the parameters that depend only on it. */
export function chooseDialect(connection: Connection, dialect: Dialect): void {
  const { limits } = connection.server;
  connection.dialect = dialect;
  const large = dialect !== Dialect.Smb202;
  connection.multiCredit = large;
  connection.maxRead = large ? limits.maxRead : 65536;
  connection.maxWrite = large ? limits.maxWrite : 65536;
  connection.maxTransact = large ? limits.maxTransact : 65536;
  connection.serverCapabilities = large ? Capabilities.LargeMtu | Capabilities.Leasing : 0;
  if (dialect === Dialect.Smb311) return;
  connection.signingAlgorithm = defaultSigningAlgorithm(dialect);
  const encrypts = dialect >= Dialect.Smb30 && (connection.clientCapabilities & Capabilities.Encryption) !== 0;
  if (!encrypts) return;
  connection.cipher = Cipher.Aes128Ccm;
  connection.serverCapabilities |= Capabilities.Encryption;
}

/** What 3.1.1 agrees on by contexts, MS-SMB2 3.3.5.4. @throws StatusError where the connection cannot go on */
function answerContexts(connection: Connection, offered: readonly NegotiateContext[], answers: NegotiateContext[]): void {
  const seen = new Set<number>();
  connection.signingAlgorithm = SigningAlgorithm.AesCmac;
  for (const { contextType, data } of offered) {
    if (contextRows[contextType] === undefined) continue;
    if (seen.has(contextType)) throw new StatusError(NtStatus.InvalidParameter, `two negotiate contexts of type ${contextType}`);
    seen.add(contextType);
    const answer = contextRows[contextType]?.(connection, new Frame(data));
    if (answer !== undefined) answers.push({ contextType, data: answer, reserved: 0 });
  }
  if (!seen.has(NegotiateContextType.PreauthIntegrityCapabilities)) {
    throw new StatusError(NtStatus.InvalidParameter, 'no preauthentication integrity at 3.1.1');
  }
}

/** One function for each context that is understood; the others are passed over. */
const contextRows: Readonly<Record<number, (connection: Connection, data: Frame) => Uint8Array | undefined>> = {
  [NegotiateContextType.PreauthIntegrityCapabilities]: (connection, data) => {
    const { hashAlgorithms } = PreauthIntegrityCapabilities.read(data, 0);
    if (hashAlgorithms.length === 0) throw new StatusError(NtStatus.InvalidParameter, 'no hash algorithm');
    if (!hashAlgorithms.includes(sha512)) throw new StatusError(NtStatus.SmbNoPreauthIntegrityHashOverlap, 'no hash algorithm in common');
    const salt = connection.server.random.fill(new Uint8Array(saltLength));
    return PreauthIntegrityCapabilities.encode({ hashAlgorithms: [sha512], salt }).head;
  },
  [NegotiateContextType.EncryptionCapabilities]: (connection, data) => {
    const { ciphers: offered } = EncryptionCapabilities.read(data, 0);
    if (offered.length === 0) throw new StatusError(NtStatus.InvalidParameter, 'no cipher');
    connection.cipher = ciphers.find((cipher) => offered.includes(cipher));
    return EncryptionCapabilities.encode({ ciphers: [connection.cipher ?? 0] }).head;
  },
  [NegotiateContextType.SigningCapabilities]: (connection, data) => {
    const { signingAlgorithms: offered } = SigningCapabilities.read(data, 0);
    if (offered.length === 0) throw new StatusError(NtStatus.InvalidParameter, 'no signing algorithm');
    const chosen = signingAlgorithms.find((algorithm) => offered.includes(algorithm));
    if (chosen === undefined) return undefined;
    connection.signingAlgorithm = chosen;
    return SigningCapabilities.encode({ signingAlgorithms: [chosen] }).head;
  },
  [NegotiateContextType.NetnameNegotiateContextId]: (connection, data) => {
    connection.clientName = NetnameNegotiateContext.read(data, 0).netName.replaceAll('\0', '');
    return undefined;
  },
};

function logNegotiated(connection: Connection, dialect: number): void {
  const { id, link, clientDialects, clientName, cipher, signingAlgorithm, serverCapabilities } = connection;
  connection.server.debug.say('conn', 'negotiated', {
    connection: id,
    peer: link.peer,
    dialect: nameOf(Dialect, dialect),
    offered: clientDialects.map((offered) => nameOf(Dialect, offered)),
    cipher: cipher === undefined ? 'none' : nameOf(Cipher, cipher),
    signing: nameOf(SigningAlgorithm, signingAlgorithm),
    capabilities: flagNames(Capabilities, serverCapabilities),
    server: clientName,
  });
}

/** The response, MS-SMB2 2.2.4. */
export function negotiateAnswer(
  connection: Connection,
  dialectRevision: number,
  negotiateContexts: NegotiateContext[],
): Parameters<typeof NegotiateResponse.encode>[0] {
  const { server, options } = connection;
  if (server.debug.on.conn) logNegotiated(connection, dialectRevision);
  connection.serverSecurityMode = SecurityMode.SigningEnabled | (options.signing === 'required' ? SecurityMode.SigningRequired : 0);
  return {
    securityMode: connection.serverSecurityMode,
    dialectRevision,
    serverGuid: server.guid,
    capabilities: connection.serverCapabilities,
    maxTransactSize: connection.maxTransact,
    maxReadSize: connection.maxRead,
    maxWriteSize: connection.maxWrite,
    systemTime: filetimeFromMs(server.clock.wall()),
    serverStartTime: 0n,
    securityBuffer: server.securityBuffer,
    negotiateContexts,
  };
}
