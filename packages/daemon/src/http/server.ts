import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { hostPort, type Log, type Random } from '@ring3/kit';
import { isLoopback, ownHosts, tokenCheck } from './access.ts';
import { consoleApp, type Shown } from './console-app.ts';
import { consoleToken, readToken, tokenPath } from './console-token.ts';
import { limitConnections } from './visitors.ts';

/** Where the console listens, and who may ask. */
export interface ConsoleOptions {
  /** 127.0.0.1 unless given. */
  readonly host?: string | undefined;
  /** 0: any that is free. */
  readonly port: number;
  /** Holds what has to be shown in `Authorization: Bearer …`. Unless given that is a file of the state directory, and on loopback nothing has to be. */
  readonly tokenFile?: string | undefined;
}

/** A console that listens. */
export interface ConsoleServer {
  /** `http://HOST:PORT` */
  readonly url: string;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** Bytes of a request's head. */
const maxHeaderSize = 8192;
const maxConnections = 64;

/**
 * Listens for HTTP: numbers and status, for Prometheus, scripts and the web page.
 * @throws Error in one line, where it cannot listen or a token file holds none
 */
export async function serveConsole(
  { host = '127.0.0.1', port, tokenFile }: ConsoleOptions,
  shown: Shown,
  { stateDir, random, log }: { readonly stateDir: string; readonly random: Random; readonly log: Log },
): Promise<ConsoleServer> {
  const server = createServer({
    maxHeaderSize,
    headersTimeout: 5_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 2_000,
  });
  limitConnections(server, maxConnections);
  server.timeout = 30_000; // an answer that nobody reads
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(`cannot listen on ${hostPort(host, port)} (${error.code})`)));
    server.listen({ host, port }, resolve);
  });
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  try {
    const { address, port: bound } = server.address() as AddressInfo;
    const loopback = isLoopback(address);
    const token = tokenFile !== undefined ? readToken(tokenFile) : loopback ? undefined : consoleToken(stateDir, random);
    if (token !== undefined) log.info('the console requires a token', { file: tokenFile ?? tokenPath(stateDir) });
    const hosts = ownHosts(address, bound);
    const app = consoleApp(
      shown,
      {
        host: (header) => !loopback || hosts.has(header?.toLowerCase() ?? ''),
        token: token === undefined ? () => true : tokenCheck(token),
      },
      log,
    );
    const listener = getRequestListener(app.fetch, {
      overrideGlobalObjects: false,
      errorHandler: () => new Response('no such request\n', { status: 400 }),
    });
    server.on('request', (request, response) => void listener(request, response));
    return { url: `http://${hostPort(address, bound)}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}
