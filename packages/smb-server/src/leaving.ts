import type { Timer } from '@ring3/kit';
import { closeDetached, letStateGo } from './close.ts';
import type { Connection } from './connection.ts';
import type { Open } from './open.ts';
import type { Server } from './server.ts';

/** How often connections are looked at whose answers still wait to be sent, ms. */
const lookMs = 20;

/** What is on its way out: connections that are over and still have work in flight, opens that are closed and whose store has not let go; and how a server ends. */
export class Leaving {
  /** Nothing new is taken. */
  begun = false;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #opens = new Set<Open>();
  /** Shares' folders of trees that have ended. */
  #roots = 0;
  #look: Timer | undefined;
  #waiting: (() => void)[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  /** Frames of connections that are over and have no answer yet. */
  get requests(): number {
    let count = 0;
    for (const { inFlight } of this.#connections) count += inFlight;
    return count;
  }

  /** What is closed and a store still holds. */
  get handles(): number {
    return this.#opens.size + this.#roots;
  }

  /** A connection is over. */
  connectionEnded(connection: Connection): void {
    if (connection.inFlight > 0) this.#connections.add(connection);
    this.#wake();
  }

  /** Nothing is in flight on a connection any more. */
  connectionSettled(connection: Connection): void {
    if (this.#connections.delete(connection)) this.#wake();
  }

  /** An open is closed; its store has let go of it when the promise resolves. It never rejects. */
  openClosed(open: Open, gone: Promise<void>): void {
    this.#opens.add(open);
    void gone.then(() => {
      this.#opens.delete(open);
      this.#wake();
    });
  }

  /** A tree or a session has ended; its opens and the share's directory are released when the promise resolves. It never rejects. */
  treeEnded(gone: Promise<void>): void {
    this.#roots++;
    void gone.then(() => {
      this.#roots--;
      this.#wake();
    });
  }

  /** Takes nothing new, and ends each connection when nothing is in flight on it. @param ms until the others are cut */
  async drain(ms: number): Promise<void> {
    this.begun = true;
    const { connections, clock } = this.#server;
    const cut = clock.after(ms, () => {
      for (const connection of [...connections.values()]) connection.end('the time to finish was over');
    });
    this.#letGo();
    await this.#until(() => connections.size === 0);
    this.#look?.clear();
    cut.clear();
  }

  #letGo(): void {
    const { connections, clock } = this.#server;
    this.#look?.clear();
    for (const connection of [...connections.values()]) connection.leave('the server is closing');
    if (connections.size > 0) this.#look = clock.after(lookMs, () => this.#letGo());
  }

  /** Ends all connections; resolves when their work is done and their stores have let go, or do not answer for too long. */
  async close(): Promise<void> {
    this.begun = true;
    const { connections, clock, limits } = this.#server;
    for (const connection of [...connections.values()]) connection.end('the server is closing');
    void closeDetached(this.#server);
    this.#look?.clear();
    let late = false;
    const timer = clock.after(limits.closeMs, () => {
      late = true;
      this.#wake();
    });
    await this.#until(() => late || (this.#connections.size === 0 && this.handles === 0));
    timer.clear();
    if (late) this.#abandon();
  }

  /** No client is left that could see the difference: what a store still works on holds no lock and no oplock any more. */
  #abandon(): void {
    const { requests, handles } = this;
    this.#server.log.error('closed although stores have not answered', { requests, handles });
    for (const open of this.#opens) letStateGo(open);
  }

  #wake(): void {
    for (const call of this.#waiting.splice(0)) call();
  }

  async #until(done: () => boolean): Promise<void> {
    while (!done()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
