import type { Clock, DebugSwitches, Link, Log, Metrics, Random } from '@ring3/kit';
import type { CreateAesGcm, Dialect } from '@ring3/smb-proto';
import type { Vfs } from '@ring3/vfs';
import type { HeldSocket, TcpEnds, UnacknowledgedOn } from '../links/tcp.ts';
import type { PersistentOpens } from '../objects/persistent-opens.ts';
import type { ShareOptions } from '../objects/share.ts';
import type { DebugWord } from '../values/debug-words.ts';
import type { Limits } from '../values/limits.ts';
import type { NetworkInterface } from '../values/network-interfaces.ts';
import type { UserOptions, Users } from '../values/users.ts';

/** The use of a connection. */
export interface ConnectionUse {
  /** Number of opens on it. */
  readonly opens: number;
  /** Whether the server works for it, so that its client can only wait. */
  readonly working: boolean;
}

/** The options of `createSmbServer`. Only `shares` is required. */
export interface SmbServerOptions {
  /** Name → store, or store with options. */
  readonly shares: Readonly<Record<string, Vfs | ShareOptions>>;
  /** Name → password, or NT hash. Or a list that the embedder keeps and may change later. */
  readonly users?: Readonly<Record<string, UserOptions>> | Users;
  /** Whether unknown users are accepted as guests; they can only access shares with `guest`. Default: no. */
  readonly guest?: boolean;
  /** Whether anonymous clients are accepted; they can access IPC$ and shares with `guest`. Default: no. */
  readonly anonymous?: boolean;
  /** Whether a session may use several connections (SMB Multichannel). Default: yes. Applies to new connections. */
  readonly multichannel?: boolean;
  /**
   * Lists the addresses at which clients reach the server, for further connections of a session. Default: those of the socket that it listens
   * on; none with `listen: false`.
   */
  readonly interfaces?: () => readonly NetworkInterface[];
  /**
   * Returns the bytes in the send buffer of a TCP socket that its peer has not acknowledged, or a negative number: with it, the notification of a
   * break is sent on another connection of the client if its own does not deliver it. `unread` of `@ring3/linux`.
   */
  readonly unacknowledgedOn?: UnacknowledgedOn | undefined;
  /** Whether every session is signed (default), or only those of clients that ask for it. */
  readonly signing?: 'required' | 'enabled';
  /** `off`: if the client asks for it (default). `desired`: for every client that can. `required`: other clients are rejected. */
  readonly encryption?: 'off' | 'desired' | 'required';
  /** Whether messages are compressed for clients that ask for it, at dialect 3.1.1. Default: no. */
  readonly compression?: boolean;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** False: no socket; links are passed to `accept`. Or the socket to listen on instead of `host` and `port`. */
  readonly listen?: boolean | HeldSocket;
  /**
   * Called with each accepted link: the returned link is used instead, so that the embedder can count, watch or end it. An end that the
   * returned link reports ends the connection with its reason.
   * @param use returns the current use of the connection
   */
  readonly carry?: (link: Link, ends: TcpEnds, use: () => ConnectionUse) => Link;
  /** Whether leases of directories are granted (MS-SMB2 3.3.1.12); a share may refuse them too. Default: yes. */
  readonly directoryLeases?: boolean;
  readonly dialects?: { readonly min?: Dialect; readonly max?: Dialect };
  /** NetBIOS name, at most 15 characters. Default RING3. */
  readonly name?: string;
  /** At most 15 characters. Default WORKGROUP. */
  readonly workgroup?: string;
  /** Shown with the server's name, at most 256 characters. */
  readonly comment?: string;
  /** 16 bytes that name this server. Default: random. */
  readonly guid?: Uint8Array;
  /** `S-1-5-21-…`. Default: made from the guid. */
  readonly serverSid?: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Log;
  /**
   * Debug output by component, `debugWords`: switches that the embedder keeps and changes. Default: switches that write into `log`, off
   * unless its level is `trace`.
   */
  readonly debug?: DebugSwitches<DebugWord>;
  readonly metrics?: Metrics;
  /**
   * Where persistent opens are kept, so that they survive the end of the server on shares with `continuousAvailability`. Default: nowhere, no
   * open is persistent.
   */
  readonly persistentOpens?: PersistentOpens;
  readonly limits?: Partial<Limits>;
  /** File descriptors of the process that connections and opens may hold together: at most a quarter for connections, and at least an eighth. Default: no limit. */
  readonly fileDescriptors?: number | undefined;
  /** Encrypts by AES-GCM and signs by AES-GMAC. Default: `node:crypto`; `aesGcm()` of `@ring3/linux` is faster if it is available. */
  readonly aesGcm?: CreateAesGcm | undefined;
}
