/**
 * node --conditions=@ring3/source scripts/draw-metrics.ts [--check]
 * Writes the metrics of a daemon to docs/metrics.md; with --check it only compares the page with them.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startDaemon } from '@ring3/daemon';
import { type FamilyValues, silentLog } from '@ring3/kit';
import { flag, readOptions } from './options.ts';

const { values } = readOptions({ usage: 'node --conditions=@ring3/source scripts/draw-metrics.ts [--check]', options: { check: flag } });

const page = resolve(import.meta.dirname, '../docs/metrics.md');

/** The metrics of a daemon with a share. */
async function familiesOfDaemon(): Promise<readonly FamilyValues[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-metrics-'));
  const path = join(folder, 'share');
  mkdirSync(path);
  try {
    await using daemon = await startDaemon({
      stateDir: join(folder, 'state'),
      settings: { shares: [{ name: 'share', path }], smb: { host: '127.0.0.1', port: 0, guest: true } },
      console: { port: 0 },
      log: silentLog,
    });
    return (await (await fetch(`${daemon.status().console}/api/metrics`)).json()) as FamilyValues[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const draw = (families: readonly FamilyValues[]): string =>
  families.map(({ name, type, labels, help }) => `| \`${name}\` | ${type} | ${labels.join(', ')} | ${help} |`).join('\n');

const all = await familiesOfDaemon();
const named = (...prefixes: readonly string[]): string =>
  draw(all.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix))));
const head = '| name | type | labels | what |\n|---|---|---|---|';
const text = `# Metrics

\`ring3 serve --console PORT\` (or \`port\` in \`[console]\`) serves metrics and status over HTTP; the URL is in the ready line.

| path | what |
|---|---|
| \`/metrics\` | Prometheus text format |
| \`/api/metrics\` | the same as JSON: families with \`name\`, \`help\`, \`type\`, \`labels\`, \`values\` |
| \`/api/status\` | the daemon's status as JSON |
| \`/health\` | 200 if the file server runs, else 503 and its state |

It listens on the address \`host\`; default: 127.0.0.1. On loopback no token is required unless \`token-file\` is set, so every user who can run programs on the machine
can read the metrics. On any other address every request except \`/health\` requires \`Authorization: Bearer TOKEN\`: the token of \`token-file\`, or the generated one in
\`console-token\` in the state directory. There is no TLS: use a proxy between machines.

\`\`\`yaml
scrape_configs:
  - job_name: ring3
    authorization: { credentials_file: /etc/prometheus/ring3-token }
    static_configs: [{ targets: ['files.example:9445'] }]
\`\`\`

Metrics are computed at most every 100 ms; requests that arrive meanwhile share the next reading. A client may send up to 17 requests without waiting for responses; they are handled one after the other. Those of the file server start from zero after a reset; those of a namespace are deleted with it.

## The file server

${head}
${named('ring3_', 'smb_')}

A request that waits for an event outside the server is counted in \`smb_requests_waited_total\` and not in \`smb_request_seconds\`, together with its compound. The status
\`NoResponse\` is that of CANCEL, which has no response; \`Disconnect\` is that of requests that closed their connection. Breaks are those of oplocks and leases, by the new level.

## The netfilter half

By namespace, including those of captures.

${head}
${named('conntrack_', 'netlink_')}

## The process

\`process_…\` and \`nodejs_…\` are those of [prom-client](https://github.com/siimon/prom-client): processor time, memory, descriptors, garbage collection, and the lag of the event loop
(\`nodejs_eventloop_lag_p99_seconds\`): the time that clients wait for each other. Lag and collections are measured from the first request on.
`;

if (!values.check) writeFileSync(page, text);
else if (readFileSync(page, 'utf8') !== text) {
  console.error('docs/metrics.md differs from the metrics of a daemon: run scripts/draw-metrics.ts');
  process.exitCode = 1;
}
