import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { hostPort, type Log, type Random } from '@ring3/kit';
import { listenFault } from '../listen-fault.ts';
import type { LongTurns } from '../long-turns.ts';
import { isLoopback, ownHosts, tokenCheck } from './access.ts';
import { consoleApp, type Shown } from './console-app.ts';
import { consoleToken, readToken, tokenPath } from './console-token.ts';
import { oneAtATime } from './one-at-a-time.ts';

/** The address of the console and its token. */
export interface ConsoleOptions {
  /** Default: 127.0.0.1. */
  readonly host?: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  /** File with the token that clients send in `Authorization: Bearer …`. Default: a file in the state directory; on loopback no token. */
  readonly tokenFile?: string | undefined;
}

/** A listening console. */
export interface ConsoleServer {
  /** `http://HOST:PORT` */
  readonly url: string;
  /** Closes all connections. */
  close(): Promise<void>;
}

/** Maximum bytes of the header of a request. */
const maxHeaderSize = 8192;
const maxConnections = 64;

/**
 * Listens for HTTP: metrics and status, for Prometheus, scripts and the web page.
 * @throws Error in one line if it cannot listen or the token file does not contain a token
 */
export async function serveConsole(
  { host = '127.0.0.1', port, tokenFile }: ConsoleOptions,
  shown: Shown,
  { stateDir, random, log, turns }: { readonly stateDir: string; readonly random: Random; readonly log: Log; readonly turns: LongTurns },
): Promise<ConsoleServer> {
  const server = createServer({
    maxHeaderSize,
    headersTimeout: 5_000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5_000,
    connectionsCheckingInterval: 2_000,
  });
  server.timeout = 30_000; // a response that is not read
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(listenFault(host, port, error.code ?? error.message, '--console'))),
    );
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
    if (token === undefined)
      log.info('the console requires no token: every user of this machine can read it (token-file in [console])', { port: bound });
    else log.info('the console requires a token', { file: tokenFile ?? tokenPath(stateDir) });
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
    oneAtATime(server, maxConnections, (request, response) => void turns.run('console', () => listener(request, response)));
    return { url: `http://${hostPort(address, bound)}`, close };
  } catch (error) {
    await close();
    throw error;
  }
}
