import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ConnectionLimit } from '../connection-limit.ts';

/** Requests of one connection that wait for the response to the one before. A client that sends more is disconnected. */
const mostWaiting = 16;

/** Handles a request; the response is complete when it is closed. */
export type Handle = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Handles the requests of a server, limits its connections, and handles the requests of one connection one at a time (RFC 9112 9.3.2 permits
 * a client to send them without waiting): the next one begins when the response to the one before has been passed to the system. So a client that reads slowly, or not at all,
 * causes no work and holds one response.
 */
export function oneAtATime(server: Server, mostConnections: number, handle: Handle): void {
  const limit = new ConnectionLimit(mostConnections);
  const waiting = new Map<Socket, [IncomingMessage, ServerResponse][]>();
  server.on('connection', (socket: Socket) => {
    limit.add(socket);
    socket.once('close', () => waiting.delete(socket));
  });
  const begin = (socket: Socket, request: IncomingMessage, response: ServerResponse): void => {
    response.once('close', () => {
      const next = waiting.get(socket)?.shift();
      if (next !== undefined && !socket.destroyed) return void setImmediate(begin, socket, ...next);
      waiting.delete(socket);
      limit.idle(socket);
    });
    handle(request, response);
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    if (socket.destroyed) return;
    const others = waiting.get(socket);
    if (others === undefined) {
      waiting.set(socket, []);
      limit.busy(socket);
      begin(socket, request, response);
    } else if (others.length < mostWaiting) others.push([request, response]);
    else socket.destroy();
  });
}
