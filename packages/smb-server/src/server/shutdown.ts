import type { Timer } from '@ring3/kit';
import type { Connection } from '../connection/connection.ts';
import { closeDetached, releaseState } from '../objects/close.ts';
import type { Open } from '../objects/open.ts';
import type { RunningServer } from './running-server.ts';

/** Interval between checks of connections whose responses are not sent yet, ms. */
const lookMs = 20;

/**
 * Objects that have ended but are still in use: ended connections with work in flight, closed opens whose store has not released them; and
 * how a server ends.
 */
export class Shutdown {
  begun = false;
  readonly #server: RunningServer;
  readonly #connections = new Set<Connection>();
  readonly #opens = new Set<Open>();
  /** Directories of shares whose tree connects have ended. */
  #roots = 0;
  #look: Timer | undefined;
  #waiting: (() => void)[] = [];

  constructor(server: RunningServer) {
    this.#server = server;
  }

  /** Frames of ended connections without a response yet. */
  get requests(): number {
    let count = 0;
    for (const { inFlight } of this.#connections) count += inFlight;
    return count;
  }

  /** Closed objects that a store still holds. */
  get handles(): number {
    return this.#opens.size + this.#roots;
  }

  /** A connection has ended. */
  connectionEnded(connection: Connection): void {
    if (connection.inFlight > 0) this.#connections.add(connection);
    this.#wake();
  }

  connectionSettled(connection: Connection): void {
    if (this.#connections.delete(connection)) this.#wake();
  }

  openClosed(open: Open, gone: Promise<void>): void {
    this.#opens.add(open);
    void gone.then(() => {
      this.#opens.delete(open);
      this.#wake();
    });
  }

  treeEnded(gone: Promise<void>): void {
    this.#roots++;
    void gone.then(() => {
      this.#roots--;
      this.#wake();
    });
  }

  /** Accepts nothing new, and ends each connection when nothing is in flight on it. @param ms until the others are cut */
  async drain(ms: number): Promise<void> {
    this.begun = true;
    const { connections, clock } = this.#server;
    const cut = clock.after(ms, () => {
      for (const connection of [...connections.values()]) connection.end('drain timeout');
    });
    this.#endIdle();
    await this.#until(() => connections.size === 0);
    this.#look?.clear();
    cut.clear();
  }

  #endIdle(): void {
    const { connections, clock } = this.#server;
    this.#look?.clear();
    for (const connection of [...connections.values()]) connection.leave('the server is closing');
    if (connections.size > 0) this.#look = clock.after(lookMs, () => this.#endIdle());
  }

  /** Ends all connections; resolves when their work is done and their stores have released their handles, or at the time limit. */
  async close(): Promise<void> {
    this.begun = true;
    const { connections, clock, limits } = this.#server;
    for (const connection of [...connections.values()]) connection.end('the server is closing');
    closeDetached(this.#server);
    this.#look?.clear();
    let late = false;
    const timer = clock.after(limits.closeMs, () => {
      late = true;
      this.#wake();
    });
    await this.#until(() => late || (this.#connections.size === 0 && this.handles === 0));
    timer.clear();
    for (const { outside } of this.#server.shares.all()) outside?.close();
    if (late) this.#abandon();
  }

  /** No client is left that could observe it: an open whose store still works holds no lock and no oplock any more. */
  #abandon(): void {
    const { requests, handles } = this;
    this.#server.log.error('closed before all stores released their handles', { requests, handles });
    for (const open of this.#opens) releaseState(open);
  }

  #wake(): void {
    for (const call of this.#waiting.splice(0)) call();
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
