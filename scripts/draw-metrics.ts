/**
 * node --conditions=@ring3/source scripts/draw-metrics.ts [--check]
 * Writes the metrics of a daemon to docs/metrics.md; with --check it only compares the page with them.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startDaemon } from '@ring3/daemon';
import { type FamilyValues, silentLog } from '@ring3/kit';

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

\`ring3 serve --console PORT\` (or \`port\` in \`[console]\`) shows numbers and status over HTTP; the URL is on the ready line.

| path | what |
|---|---|
| \`/metrics\` | Prometheus text format |
| \`/api/metrics\` | the same as JSON: families with \`name\`, \`help\`, \`type\`, \`labels\`, \`values\` |
| \`/api/status\` | the daemon's status as JSON |
| \`/health\` | 200 where the file server runs, 503 and its state where it does not |

It listens on 127.0.0.1 unless \`host\` says otherwise. On loopback nothing has to be shown, unless \`token-file\` names a file with a token; whoever may run programs on the
machine sees the numbers then. Anywhere else every request but \`/health\` needs \`Authorization: Bearer TOKEN\`: the token of \`token-file\`, or the one that is made and
kept in \`console-token\` in the state directory. There is no TLS: between machines put a proxy in front.

\`\`\`yaml
scrape_configs:
  - job_name: ring3
    authorization: { credentials_file: /etc/prometheus/ring3-token }
    static_configs: [{ targets: ['files.example:9445'] }]
\`\`\`

Numbers are read when somebody looks. Those of the file server begin anew when it is reset, those of a namespace go with it.

## The file server

${head}
${named('ring3_', 'smb_')}

A request that waits for something else than the server is in \`smb_requests_waited_total\` and not in \`smb_request_seconds\`, with everything that shares its chain. A status
\`NoResponse\` is CANCEL's, which has no answer; \`Disconnect\` is that of requests that ended their connection. Breaks are those of oplocks and leases, by the level that is left.

## The netfilter half

By namespace, those of captures included.

${head}
${named('conntrack_', 'netlink_')}

## The process

\`process_…\` and \`nodejs_…\` are those of [prom-client](https://github.com/siimon/prom-client): processor time, memory, descriptors, garbage collection, and the lag of the event loop
(\`nodejs_eventloop_lag_p99_seconds\`), which is how long clients wait for each other. Lag and collections count from the first look on.
`;

if (process.argv[2] !== '--check') writeFileSync(page, text);
else if (readFileSync(page, 'utf8') !== text) {
  console.error('docs/metrics.md differs from the metrics of a daemon: run scripts/draw-metrics.ts');
  process.exitCode = 1;
}
