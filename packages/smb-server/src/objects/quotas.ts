import type { Limits } from '../values/limits.ts';
import { Quota } from '../values/quota.ts';
import { FileDescriptors } from './file-descriptors.ts';

/** The counts that users share, each with a limit for all and a part for each user. */
export class Quotas {
  readonly sessions: Quota;
  /** Channels in addition to the first one of their sessions. */
  readonly channels: Quota;
  /** Connections with a logon. */
  readonly connections: Quota;
  readonly trees: Quota;
  readonly opens: Quota;
  readonly persistentOpens: Quota;
  readonly locks: Quota;
  readonly waiting: Quota;
  readonly keptBytes: Quota;
  readonly fileDescriptors: FileDescriptors;

  /** @param server supplies the current limits */
  constructor(server: { readonly limits: Limits; readonly maxConnections: number; readonly maxFileDescriptors: number }) {
    this.sessions = new Quota(() => server.limits.sessions);
    this.channels = new Quota(() => server.limits.channels);
    this.connections = new Quota(() => server.maxConnections);
    this.trees = new Quota(() => server.limits.trees);
    this.opens = new Quota(() => server.limits.opens);
    this.persistentOpens = new Quota(() => server.limits.persistentOpens);
    this.locks = new Quota(() => server.limits.locks);
    this.waiting = new Quota(() => server.limits.waiting);
    this.keptBytes = new Quota(() => server.limits.keptBytes);
    this.fileDescriptors = new FileDescriptors(() => server.maxFileDescriptors);
  }
}
