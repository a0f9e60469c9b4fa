import type { Cipher, Compression, Dialect, SigningAlgorithm } from '@ring3/smb-proto';

/** What NEGOTIATE decided for a connection, MS-SMB2 3.3.1.7 and 3.3.5.4. It never changes. */
export interface Negotiated {
  readonly dialect: Dialect;
  readonly clientGuid: Uint8Array;
  /** `clientGuid` as the key of a map. */
  readonly clientKey: string;
  readonly clientCapabilities: number;
  readonly clientSecurityMode: number;
  readonly clientDialects: readonly number[];
  /** The name by which the client knows the server, 3.1.1; else ''. */
  readonly clientName: string;
  readonly serverCapabilities: number;
  readonly serverSecurityMode: number;
  /** Connection.CipherId; undefined if encryption is not possible. */
  readonly cipher: Cipher | undefined;
  readonly signingAlgorithm: SigningAlgorithm;
  /** Connection.CompressionIds and Connection.SupportsChainedCompression; undefined if nothing is compressed. */
  readonly compression: Compression | undefined;
  /** MaxTransactSize, MaxReadSize, MaxWriteSize: bytes. */
  readonly maxTransact: number;
  readonly maxRead: number;
  readonly maxWrite: number;
  /** Whether requests may take several credits. */
  readonly multiCredit: boolean;
}
