import { connect, createServer, type Socket } from 'node:net';
import { FrameSplitter } from '@ring3/smb-client';
import {
  Command,
  EncryptionCapabilities,
  Header,
  HeaderFlags,
  NegotiateContextType,
  NegotiateResponse,
  NtStatus,
  ProtocolId,
  SigningCapabilities,
} from '@ring3/smb-proto';
import { Frame } from '@ring3/wire';

/** The traffic of one port, as seen by a passive observer. */
export interface Heard {
  dialect: number;
  /** The server's choice at 3.1.1; undefined if there is none. */
  signingAlgorithm: number | undefined;
  cipher: number | undefined;
  /** Frames in both directions after logon, without interim responses, which need no signature (MS-SMB2 3.3.4.1.1). */
  encrypted: number;
  signed: number;
  neither: number;
}

/** A port that forwards all traffic to another one and observes it. */
export interface Wiretap extends AsyncDisposable {
  readonly port: number;
  readonly heard: Heard;
}

function listenTo(heard: Heard, chunks: readonly Uint8Array[]): void {
  const frame = new Frame(Buffer.concat(chunks));
  if (frame.view.getUint32(0, true) === ProtocolId.Transform) {
    heard.encrypted++;
    return;
  }
  const header = Header.read(frame, 0);
  const { command, flags, status } = header;
  if (command === Command.Negotiate && (flags & HeaderFlags.ServerToRedir) !== 0) {
    const { dialectRevision, negotiateContexts } = NegotiateResponse.read(frame, 0);
    const data = (type: number): Frame | undefined => {
      const context = negotiateContexts.find(({ contextType }) => contextType === type);
      return context === undefined ? undefined : new Frame(context.data);
    };
    const signing = data(NegotiateContextType.SigningCapabilities);
    const encryption = data(NegotiateContextType.EncryptionCapabilities);
    heard.dialect = dialectRevision;
    heard.signingAlgorithm = signing && SigningCapabilities.read(signing, 0).signingAlgorithms[0];
    heard.cipher = encryption && EncryptionCapabilities.read(encryption, 0).ciphers[0];
  }
  if (command === Command.Negotiate || command === Command.SessionSetup || status === NtStatus.Pending) return;
  if ((flags & HeaderFlags.Signed) !== 0) heard.signed++;
  else heard.neither++;
}

/** Opens a port of the loopback in front of `port`. */
export async function wiretap(port: number): Promise<Wiretap> {
  const heard: Heard = { dialect: 0, signingAlgorithm: undefined, cipher: undefined, encrypted: 0, signed: 0, neither: 0 };
  const sockets = new Set<Socket>();
  const pass = (from: Socket, to: Socket): void => {
    const splitter = new FrameSplitter((chunks) => listenTo(heard, chunks));
    sockets.add(from);
    from.on('data', (bytes: Uint8Array) => {
      splitter.receive(bytes);
      to.write(bytes);
    });
    from.on('end', () => to.end()).on('error', () => to.destroy());
    from.on('close', () => sockets.delete(from));
  };
  const server = createServer((near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true });
    pass(near, far);
    pass(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    heard,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
