import type { Clock, DebugSwitches, Log, Metrics, Random } from '@ring3/kit';
import type { CreateAesGcm, Dialect } from '@ring3/smb-proto';
import type { Vfs } from '@ring3/vfs';
import type { DebugWord } from '../values/debug-words.ts';
import type { Limits } from '../values/limits.ts';
import type { NetworkInterface } from '../values/network-interfaces.ts';
import type { Users } from '../values/users.ts';
import type { PersistentOpens } from './persistent-opens.ts';
import type { ShareOptions } from './share.ts';

/** The options with all defaults, frozen. */
export interface ResolvedOptions {
  /** Name → store, or store with options. */
  readonly shares: Readonly<Record<string, Vfs | ShareOptions>>;
  readonly users: Users;
  readonly guest: boolean;
  readonly anonymous: boolean;
  readonly signing: 'required' | 'enabled';
  readonly encryption: 'off' | 'desired' | 'required';
  readonly directoryLeases: boolean;
  readonly multichannel: boolean;
  readonly compression: boolean;
  readonly dialects: { readonly min: Dialect; readonly max: Dialect };
  readonly name: string;
  readonly workgroup: string;
  readonly comment: string;
  readonly guid: Uint8Array;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly debug: DebugSwitches<DebugWord>;
  readonly metrics: Metrics;
  readonly persistentOpens: PersistentOpens | undefined;
  readonly limits: Limits;
  readonly fileDescriptors: number;
  readonly interfaces: (() => readonly NetworkInterface[]) | undefined;
  readonly aesGcm: CreateAesGcm;
}
