import type { Clock, DebugSwitches, Timer } from '@ring3/kit';
import type { Connection } from '../connection/connection.ts';
import type { Numbers } from '../objects/numbers.ts';
import type { Session } from '../objects/session.ts';
import type { DebugWord } from '../values/debug-words.ts';

/** A connection that reaches the owner of an oplock or lease, and the session whose key encrypts the notification on it. */
export interface Route {
  readonly connection: Connection;
  readonly encryptFor: Session | undefined;
}

/** The notification of a break. */
export interface Notification {
  /** The owner of the oplock or lease in the state of the file. */
  readonly owner: number;
  readonly message: Uint8Array;
  /** Whether the client has to acknowledge the break. */
  readonly acknowledge: boolean;
  /**
   * Whether it is sent once more on the same connection if the client has not acknowledged it within a second. A client that knows the message ignores the second one by its
   * epoch (MS-SMB2 3.2.5.19.2). Linux 6.1 ignores the first one if it has not finished with the response that granted the lease.
   */
  readonly repeats: boolean;
  /** The connections on which it can be sent now, in the order of preference. */
  routes(): Iterable<Route>;
  /** Whether the client has not acknowledged the break yet. */
  isBreaking(): boolean;
}

/** A notification that was sent, and may have to be sent on another connection. */
interface Sent {
  readonly notification: Notification;
  /** The connections on which it was sent, and the bytes that each had sent with it. */
  readonly positions: Map<Connection, number>;
  /** The connection on which it was sent last. */
  last: Connection;
  repeated: boolean;
  timer: Timer | undefined;
}

/** What the delivery uses of a server. */
interface Services {
  readonly clock: Clock;
  readonly numbers: Numbers;
  readonly debug: DebugSwitches<DebugWord>;
}

/** Interval between checks of a notification, ms: a transport that works acknowledges within it. */
const checkMs = 1000;

/** Whether a connection's transport reports that it has not delivered its bytes up to a position. */
const isUndelivered = ({ acknowledged }: Connection, position: number): boolean => acknowledged !== undefined && acknowledged < position;

/**
 * Delivers notifications of breaks. If the connection of one is lost, or its transport does not acknowledge the bytes, the server retries the
 * send on another channel, MS-SMB2 3.3.4.6 and 3.3.4.7.
 */
export class BreakDelivery {
  readonly #server: Services;
  readonly #sent = new Map<number, Sent>();
  /** When a connection did not deliver a notification, milliseconds of the monotonic clock: it is the last choice until something arrives on it. */
  readonly #stalled = new WeakMap<Connection, number>();

  constructor(server: Services) {
    this.#server = server;
  }

  /** Sends a notification. @returns false if no connection reaches the client */
  deliver(notification: Notification): boolean {
    const { owner } = notification;
    this.#forget(owner); // an earlier break of it is over
    const connection = this.#send(notification, new Map());
    if (connection === undefined) return false;
    const sent: Sent = {
      notification,
      positions: new Map([[connection, connection.bytesOut]]),
      last: connection,
      repeated: false,
      timer: undefined,
    };
    this.#sent.set(owner, sent);
    this.#arm(sent);
    return true;
  }

  /** Sends it on the best connection on which it was not sent. @returns that connection */
  #send(notification: Notification, tried: ReadonlyMap<Connection, number>): Connection | undefined {
    let best: Route | undefined;
    for (const route of notification.routes()) {
      if (tried.has(route.connection)) continue;
      best ??= route;
      if (this.#isStalled(route.connection)) continue;
      best = route;
      break;
    }
    best?.connection.sendMessage(notification.message, best.encryptFor);
    return best?.connection;
  }

  #isStalled(connection: Connection): boolean {
    const since = this.#stalled.get(connection);
    return since !== undefined && since > connection.heard;
  }

  #arm(sent: Sent): void {
    sent.timer = this.#server.clock.after(checkMs, () => this.#check(sent));
  }

  #forget(owner: number): void {
    this.#sent.get(owner)?.timer?.clear();
    this.#sent.delete(owner);
  }

  #check(sent: Sent): void {
    const { notification, positions, last } = sent;
    const undelivered = isUndelivered(last, positions.get(last) as number);
    // Until it acknowledges the break, a client that received the notification may lose its connection with it.
    if (notification.acknowledge ? !notification.isBreaking() : !undelivered) this.#forget(notification.owner);
    else if (undelivered) {
      this.#stalled.set(last, this.#server.clock.now());
      this.#retry(sent, 'not acknowledged by the transport');
    } else {
      if (notification.repeats && !sent.repeated) this.#repeat(sent);
      this.#arm(sent);
    }
  }

  #repeat(sent: Sent): void {
    sent.repeated = true;
    const { notification, positions, last } = sent;
    for (const { connection, encryptFor } of notification.routes()) {
      if (connection !== last) continue;
      connection.sendMessage(notification.message.slice(), encryptFor);
      this.#server.numbers.oplockBreaksResent++;
      positions.set(connection, connection.bytesOut);
      return;
    }
  }

  #retry(sent: Sent, reason: string): void {
    const { notification, positions, last } = sent;
    sent.timer?.clear();
    const connection = this.#send(notification, positions);
    if (connection !== undefined) {
      const { numbers, debug } = this.#server;
      numbers.oplockBreaksResent++;
      if (debug.on.oplock) debug.say('oplock', 'notification sent again', { from: last.id, to: connection.id, reason });
      sent.last = connection;
      positions.set(connection, connection.bytesOut);
    }
    if (connection === undefined && !notification.acknowledge) this.#forget(notification.owner);
    else this.#arm(sent);
  }

  /** A connection has ended: breaks that it may not have delivered are sent on another one. */
  connectionEnded(connection: Connection): void {
    for (const sent of [...this.#sent.values()]) {
      const { notification, last } = sent;
      if (last !== connection) continue;
      if (notification.acknowledge && !notification.isBreaking()) this.#forget(notification.owner);
      else this.#retry(sent, 'the connection ended');
    }
  }

  /**
   * A break was not acknowledged in time. Connections whose transport did not deliver the notification in all that time are lost: they end, and
   * with the last channel its opens (3.3.4.6: if no connection is available, the open is closed).
   */
  expired(owner: number): void {
    const sent = this.#sent.get(owner);
    if (sent === undefined) return;
    this.#forget(owner);
    for (const [connection, position] of sent.positions) {
      if (!connection.ended && isUndelivered(connection, position)) connection.end('the client does not receive');
    }
  }

  /** The server closes. */
  stop(): void {
    for (const owner of [...this.#sent.keys()]) this.#forget(owner);
  }
}
