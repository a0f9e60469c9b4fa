import { setTimeout as delay } from 'node:timers/promises';
import type { Log, Metrics } from '@ring3/kit';
import { Hono } from 'hono';
import type { DaemonStatus } from '../control/protocol.ts';

/** The parts of a daemon that the console shows. */
export interface Shown {
  readonly metrics: Metrics;
  status(): DaemonStatus;
}

/** Access checks. */
export interface Access {
  /** Whether a Host header names this server. */
  readonly host: (header: string | undefined) => boolean;
  /** Whether an Authorization header grants access. */
  readonly token: (header: string | undefined) => boolean;
}

/** Prometheus text format 0.0.4. */
const prometheusText = 'text/plain; version=0.0.4; charset=utf-8';

const index = `ring3
/metrics      numbers for Prometheus
/api/metrics  the same as JSON
/api/status   the daemon's status as JSON
/health       whether the file server runs
`;

const headers = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
} as const;

/** Minimum interval between two readings of the metrics, milliseconds. */
const readingMs = 100;

/** A function whose callers share one result until it is made, at most every `readingMs`: many requests cost as much as one. */
function shared<T>(make: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  let next = 0;
  return () =>
    (pending ??= delay(Math.max(0, next - performance.now()))
      .then(make)
      .finally(() => {
        pending = undefined;
        next = performance.now() + readingMs;
      }));
}

/**
 * The HTTP responses: GET and HEAD only, after a check of the host and the token. `/health` needs no token and returns one word. Requests
 * from other origins fail, because there is no CORS header.
 */
export function consoleApp(shown: Shown, access: Access, log: Log): Hono {
  const app = new Hono();
  const [text, values] = [shared(() => shown.metrics.text()), shared(() => shown.metrics.values())];
  app.use(async (c, next) => {
    for (const [name, value] of Object.entries(headers)) c.header(name, value);
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return c.text('only GET and HEAD\n', 405, { Allow: 'GET, HEAD' });
    if (!access.host(c.req.header('host'))) return c.text('Host header not accepted\n', 421);
    if (c.req.path !== '/health' && !access.token(c.req.header('authorization'))) {
      return c.text('a token is needed\n', 401, { 'WWW-Authenticate': 'Bearer realm="ring3"' });
    }
    return next();
  });
  app.get('/', (c) => c.text(index));
  app.get('/metrics', async (c) => c.body(await text(), 200, { 'Content-Type': prometheusText }));
  app.get('/api/metrics', async (c) => c.json(await values()));
  app.get('/api/status', (c) => c.json(shown.status()));
  app.get('/health', (c) => {
    const { state } = shown.status();
    return state === 'running' ? c.text('ok\n') : c.text(`${state}\n`, 503);
  });
  app.notFound((c) => c.text('there is nothing here\n', 404));
  app.onError((error, c) => {
    log.error('a request to the console failed', { path: c.req.path, error });
    return c.text('it failed; the log says why\n', 500);
  });
  return app;
}
