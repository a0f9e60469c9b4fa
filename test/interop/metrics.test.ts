/** The metrics of a daemon over HTTP, compared with the actions of real programs. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { need } from './programs.ts';
import { type Ring3, ring3Command, startRing3 } from './ring3.ts';
import { type Ran, run, smbclient } from './smbclient.ts';

const [node, bin] = ring3Command;
const size = 300_000;
let base: string;
let ring3: Ring3;

before(async () => {
  base = mkdtempSync(join(tmpdir(), 'ring3-metrics-'));
  writeFileSync(join(base, 'big'), Buffer.alloc(size, 'x'));
  ring3 = await startRing3(mkdtempSync(join(base, 'share-')), ['--console', '0', '--encryption', 'off', '--log-level', 'warn']);
});
after(async () => {
  await ring3[Symbol.asyncDispose]();
  rmSync(base, { recursive: true });
});

const url = (path: string): string => `${ring3.at['console']}${path}`;
const fetched = async (path: string): Promise<string> => (await fetch(url(path))).text();
const client = (commands: readonly string[], password = ring3.password): Promise<Ran> =>
  smbclient(commands, { port: ring3.port, user: `${ring3.user}%${password}`, folder: base });
const ctl = (...words: string[]): Promise<Ran> => run(node, [bin, 'ctl', '--control', ring3.at['control'] as string, ...words]);

/** `name{label="value",…}` → value, as in the text. @throws for a line that does not conform to the format */
function parse(text: string): Map<string, number> {
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/.exec(line) ?? [];
    if (kind === 'TYPE') {
      assert.equal(types.has(name), false, `${name} has only one type`);
      types.set(name, rest);
    }
    if (kind !== undefined) continue;
    const [, series, of = '', value] = /^(([a-zA-Z_:][\w:]*)(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)+\})?) (\S+)$/.exec(line) ?? [];
    assert.ok(series !== undefined && /^(?:[+-]?Inf|NaN|-?\d[\d.e+-]*)$/i.test(value ?? ''), line);
    const type = types.get(of) ?? types.get(of.replace(/_(bucket|sum|count)$/, ''));
    assert.notEqual(type, undefined, `${of} has a type`);
    assert.equal(of.endsWith('_total'), type === 'counter', `${of} is a ${type}`);
    assert.equal(values.has(series), false, `${series} occurs only once`);
    values.set(series, Number(value));
  }
  return values;
}

test('the numbers say what smbclient did', need('smbclient'), async () => {
  const start = parse(await fetched('/metrics'));
  const wrong = await client(['ls'], 'wrong');
  assert.match(wrong.output, /NT_STATUS_LOGON_FAILURE/);
  const ran = await client(['put big', 'get big back', 'get missing', 'mkdir folder', 'ls', 'rm big', 'rmdir folder']);
  assert.match(ran.output, /NT_STATUS_OBJECT_NAME_NOT_FOUND/);
  const end = parse(await fetched('/metrics'));
  const grown = (series: string): number => (end.get(series) ?? Number.NaN) - (start.get(series) ?? 0);

  assert.equal(grown('smb_written_bytes_total'), size);
  assert.equal(grown('smb_read_bytes_total'), size);
  assert.ok(grown('smb_received_bytes_total') > size && grown('smb_received_bytes_total') < size + 20_000);
  assert.ok(grown('smb_sent_bytes_total') > size && grown('smb_sent_bytes_total') < size + 20_000);
  assert.equal(grown('smb_connections_total'), 2);
  assert.equal(grown('smb_logons_total{as="user"}'), 1);
  assert.equal(grown('smb_logon_failures_total{status="LogonFailure"}'), 1);
  assert.equal(grown('smb_requests_total{command="SessionSetup",status="LogonFailure"}'), 1);
  assert.equal(grown('smb_requests_total{command="Create",status="ObjectNameNotFound"}'), 1);
  assert.equal(grown('smb_requests_total{command="TreeConnect",status="Success"}'), 1);
  assert.ok(grown('smb_requests_total{command="Create",status="Success"}') >= 6);
  assert.equal(
    grown('smb_requests_total{command="Create",status="Success"}'),
    grown('smb_requests_total{command="Close",status="Success"}'),
    'what was opened was closed',
  );
  assert.equal(
    grown('smb_request_seconds_count{command="Create"}'),
    grown('smb_requests_total{command="Create",status="Success"}') + 1,
    'the time of each answer was taken',
  );
  assert.ok((end.get('smb_request_seconds_sum{command="Write"}') as number) < 5);
  for (const gone of [
    'smb_connections',
    'smb_sessions',
    'smb_trees{share="share"}',
    'smb_opens{share="share"}',
    'smb_file_state{of="files"}',
    'smb_held_bytes',
  ])
    assert.equal(end.get(gone), 0, gone);
  assert.equal(end.get('smb_internal_errors_total'), 0);
  assert.equal(end.get('ring3_state{state="running"}'), 1);
  assert.ok((end.get('conntrack_flows{namespace="default"}') as number) >= 2, 'both connections were flows');
});

test('buckets of a histogram grow up to its count, and JSON says the same as the text', async () => {
  const text = parse(await fetched('/metrics'));
  const families = JSON.parse(await fetched('/api/metrics')) as {
    name: string;
    type: string;
    values: { name: string; labels: object; value: number }[];
  }[];
  let last = 0;
  for (const [series, value] of text) {
    const le = /^smb_request_seconds_bucket\{command="Create",le="(.*)"\}$/.exec(series)?.[1];
    if (le === undefined) continue;
    assert.ok(value >= last, series);
    last = value;
  }
  assert.equal(last, text.get('smb_request_seconds_count{command="Create"}'));
  for (const { name, type, values } of families.filter(({ name }) => name.startsWith('smb_'))) {
    assert.ok(['counter', 'gauge', 'histogram'].includes(type), name);
    for (const { name: of, labels, value } of values) {
      const list = Object.entries(labels).map(([label, word]) => `${label}="${word}"`);
      assert.equal(text.get(list.length === 0 ? of : `${of}{${list}}`), value, of);
    }
  }
});

test(
  'after a hard kill the numbers of the file server are gone, and health says so; after a start they begin anew',
  need('smbclient'),
  async () => {
    assert.equal((await fetch(url('/health'))).status, 200);
    assert.equal((await ctl('kill', 'hard')).status, 0);
    const killed = parse(await fetched('/metrics'));
    assert.equal(killed.get('ring3_state{state="startup"}'), 1);
    assert.equal([...killed.keys()].filter((series) => series.startsWith('smb_')).length, 0);
    const health = await fetch(url('/health'));
    assert.deepEqual([health.status, await health.text()], [503, 'startup\n']);
    assert.equal((await ctl('start')).status, 0);
    const { smb } = JSON.parse(await fetched('/api/status')) as { smb: string };
    const login = { port: Number(smb.replace(/^.*:/, '')), user: `${ring3.user}%${ring3.password}` };
    assert.equal((await smbclient(['ls'], login)).status, 0);
    assert.equal(parse(await fetched('/metrics')).get('smb_connections_total'), 1);
  },
);

test('if the configuration sets a token, requests without it are rejected', async () => {
  const config = join(base, 'ring3.toml');
  const token = 'a-token-for-this-test';
  writeFileSync(join(base, 'token'), `${token}\n`, { mode: 0o600 });
  writeFileSync(config, '[console]\nport = 0\ntoken-file = "token"\n');
  await using other = await startRing3(mkdtempSync(join(base, 'other-')), ['--config', config]);
  const ask = (headers: Record<string, string>) => fetch(`${other.at['console']}/metrics`, { headers });
  assert.equal((await ask({})).status, 401);
  assert.equal((await ask({ Authorization: `Bearer ${token}x` })).status, 401);
  assert.equal((await ask({ Authorization: `Bearer ${token}` })).status, 200);
  assert.equal(other.log().includes(token), false);
});
