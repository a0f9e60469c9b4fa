import { deepStrictEqual, ok, strictEqual, throws } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createSmbServer, defaultLimits } from '@ring3/smb-server';
import { limitKeys } from './configuration.ts';
import { ConfigurationError } from './configuration-error.ts';
import { configurationSchema } from './json-schema.ts';
import { loadConfiguration } from './load.ts';
import { readToml } from './toml.ts';

const good = `
[server]
host = "0.0.0.0"
port = 445
signing = "required"
dialect-min = "2.1"

[limits]
connections = 500

[share.photos]
path = "/srv/photos"
read-only = true
users = ["anna", "bob"]

[share."two words"]
path = "/srv/two"
file-mode = "640"

[daemon]
log-level = "warn"
`;

test('a configuration is read; missing keys stay missing', () => {
  const { server, limits, shares, daemon, warnings } = readToml(good, 'ring3.toml');
  deepStrictEqual(server, { host: '0.0.0.0', port: 445, signing: 'required', 'dialect-min': '2.1' });
  deepStrictEqual(limits, { connections: 500 });
  deepStrictEqual(shares, [
    { path: '/srv/photos', 'read-only': true, users: ['anna', 'bob'], name: 'photos', at: 'ring3.toml:12' },
    { path: '/srv/two', 'file-mode': 0o640, name: 'two words', at: 'ring3.toml:17' },
  ]);
  deepStrictEqual(daemon, { 'log-level': 'warn' });
  deepStrictEqual(warnings, []);
  deepStrictEqual(readToml('', 'empty.toml').shares, []);
});

test('the console is on if its port is given; its token is in a file next to the configuration, never in it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ring3-config-'));
  try {
    const path = join(folder, 'ring3.toml');
    writeFileSync(path, '[console]\nport = 9445\ntoken-file = "token"\n');
    deepStrictEqual(loadConfiguration(path).console, { port: 9445, 'token-file': join(folder, 'token') });
  } finally {
    rmSync(folder, { recursive: true });
  }
  throws(
    () => readToml('[console]\ntoken = "geheim"\n', 'c.toml'),
    /^ConfigurationError: c\.toml:2:1: unknown key "console\.token"(?!.*geheim)/,
  );
});

test('policies and rules of the netfilter half are read: a rule becomes the words of `ring3 rule add`', () => {
  const { timeouts, rules } = readToml(
    `
[timeout.web]
protocol = "tcp"
established = 100
close = 7

[timeout."grün"]
family = "inet6"
protocol = "udp"
replied = 9

[[rule]]
protocol = "tcp"
dport = 443
daddr = "not 10.0.0.0/8"
timeout = "web"

[[rule]]
family = "inet6"
protocol = "not udp"
iif = "eth+"
direction = "in"
zone = 5
zone-direction = "original"
events = ["new", "destroy"]
`,
    'f.toml',
  );
  deepStrictEqual(
    timeouts.map(({ name, l3num, l4, timeouts }) => [name, l3num, l4, Object.entries(timeouts(11) ?? [])]),
    [
      [
        'web',
        2,
        6,
        [
          ['0', undefined],
          ['1', undefined],
          ['2', 100],
          ['3', undefined],
          ['4', undefined],
          ['5', undefined],
          ['6', undefined],
          ['7', 7],
          ['8', undefined],
          ['9', undefined],
          ['10', undefined],
        ],
      ],
      [
        'gr\xc3\xbcn',
        10,
        17,
        [
          ['0', undefined],
          ['1', 9],
        ],
      ],
    ],
  );
  deepStrictEqual(
    rules.map((words) => words.join(' ')),
    ['tcp dport 443 not daddr 10.0.0.0/8 timeout web', 'inet6 not udp iif eth+ in zone 5 original events new,destroy'],
  );
});

test('each class of error reports its line, its key and what is allowed', () => {
  for (const [source, message] of [
    ['[server]\nport = 99999\n', /^f\.toml:2:\d+: server\.port is a whole number from 0 to 65535, not 99999$/],
    ['[server]\n\n# a comment\nsigning = "maybe"\n', /^f\.toml:4:\d+: server\.signing is one of required, enabled, not "maybe"$/],
    ['[server]\nsinging = "required"\n', /^f\.toml:2:\d+: unknown key "server\.singing"; did you mean "signing"\?$/],
    ['[server]\nxyzzyxyzzy = 1\n', /^f\.toml:2:\d+: unknown key "server\.xyzzyxyzzy"; known are host, port, .*$/],
    ['[servers]\n', /^f\.toml:1:\d+: unknown key "servers"; did you mean "server"\?$/],
    ['[share.a]\npath = "/a"\n[share.b]\ncomment = "no path"\n', /^f\.toml:3:\d+: share\.b has no path: write path = .*$/],
    ['[share."a/b"]\npath = "/a"\n', /^f\.toml:1:\d+: invalid share name "a\/b": /],
    ['[share."IPC$"]\npath = "/a"\n', /invalid share name "IPC\$"/],
    [
      '[[rule]]\nnotrack = true\n\n[[rule]]\nprotocol = "tcp"\ndport = 99999\nnotrack = true\n',
      /^f\.toml:4:\d+: a port is a number from 0 to 65535, not "99999"$/,
    ],
    ['[[rule]]\nnotrack = true\n[[rule]]\nnotrack = 5\n', /^f\.toml:4:\d+: rule\.notrack is true or false, not 5$/],
    ['[rule]\nnotrack = true\n', /^f\.toml:1:\d+: rules are a list of tables: write \[\[rule\]\]$/],
    ['[sysctl]\nnf_conntrack_mux = 5\n', /^f\.toml:2:\d+: unknown key "sysctl\.nf_conntrack_mux"; did you mean "nf_conntrack_max"\?$/],
    ['[sysctl]\nnf_conntrack_max = -1\n', /^f\.toml:2:\d+: sysctl\.nf_conntrack_max is a whole number from 0 to 2147483647, not -1$/],
    ['[timeout.web]\nestablished = 5\n', /^f\.toml:1:\d+: timeout\.web\.protocol is one of tcp, /],
    ['[timeout.web]\nprotocol = "udp"\nestablished = 5\n', /^f\.toml:3:\d+: unknown key "timeout\.web\.established"/],
    [
      '[timeout.web]\nprotocol = "udp"\nreplied = -5\n',
      /^f\.toml:3:\d+: timeout\.web\.replied is a whole number from 0 to 17179869, not -5$/,
    ],
    ['[share.a]\npath = "/a"\nusers = "anna"\n', /^f\.toml:3:\d+: share\.a\.users is a list of strings, not "anna"$/],
    ['[share.a]\npath = "/a"\nusers = ["anna", ""]\n', /^f\.toml:3:\d+: share\.a\.users is a list of strings, not \["anna",""\]$/],
    [
      '[share.Photos]\npath = "/a"\n[share.photos]\npath = "/b"\n',
      /^f\.toml:3:\d+: share Photos exists already: names are compared without case$/,
    ],
    ['[share.a]\npath = "/a"\nstore = "memory"\n', /^f\.toml:3:\d+: share\.a has a path and a store: remove one$/],
    ['[share.a]\nstore = "tape"\n', /^f\.toml:2:\d+: share\.a\.store is one of memory, not "tape"$/],
    ['[share.a]\npath = "/a\\u0000b"\n', /^f\.toml:2:\d+: share\.a\.path is a path, not "\/a\\u0000b"$/],
    [
      '[share.a]\npath = "/a"\nfile-mode = 640\n',
      /^f\.toml:3:\d+: share\.a\.file-mode is three octal digits in quotes, such as "640", not 640$/,
    ],
    ['[share.a]\npath = "/a"\n"a\\nb" = 1\n', /^f\.toml:\d:\d+: unknown key "share\.a\.a\\u000ab"; /],
    [
      '[share.a]\npath = "/a"\nveto = ["*.tmp", "a/b"]\n',
      /^f\.toml:3:\d+: share\.a\.veto is a list of names, without slashes, not \["\*\.tmp","a\/b"\]$/,
    ],
    [
      '[share.a]\npath = "/a"\nmax-connections = 0\n',
      /^f\.toml:3:\d+: share\.a\.max-connections is a whole number from 1 to 1000000, not 0$/,
    ],
    [`[server]\nname = "${'x'.repeat(1000)}"\n`, /^f\.toml:2:\d+: server\.name is a NetBIOS name: .*, not "x{79}…$/],
    ['[server]\nworkgroup = ""\n', /^f\.toml:2:\d+: server\.workgroup is 1 to 15 characters, /],
    ['[limits]\nidle-minutes = 1.5\n', /^f\.toml:2:\d+: limits\.idle-minutes is a whole number from 0 to 525600, not 1\.5$/],
    ['[limits]\nconnections = nan\n', /^f\.toml:2:\d+: limits\.connections is a whole number from 1 /],
    ['[limits]\nconnections = 99999999999999999999\n', /^f\.toml:2:\d+: /],
    ['[share]\na = 5\n', /^f\.toml:2:\d+: share\.a is not a table: write \[share\.a\]$/],
    ['[[share]]\npath = "/a"\n', /^f\.toml:1:\d+: share is a table of shares: write \[share\.NAME\]$/],
    ['[server]\n[server]\n', /^f\.toml:2:\d+: /],
    ['[server\n', /^f\.toml:\d:\d+: /],
    ['[server]\nname = "abc\n', /^f\.toml:2:\d+: the closing quote is missing: name = "abc"$/],
    ['server = 5\n', /^f\.toml:1:\d+: server is not a table: write \[server\]$/],
    ['[server]\nport = \n', /^f\.toml:\d:\d+: /],
    ['[server]\nport = 1\nport = 2\n', /^f\.toml:3:\d+: /],
    [
      '[server]\ndialect-min = "3.1.1"\ndialect-max = "2.1"\n',
      /^f\.toml:2:\d+: server\.dialect-min 3\.1\.1 is above server\.dialect-max 2\.1$/,
    ],
    ['[server]\nencryption = "required"\ndialect-max = "2.1"\n', /^f\.toml:2:\d+: server\.encryption needs dialect 3\.0/],
  ] as const) {
    throws(
      () => readToml(source, 'f.toml'),
      (error) => error instanceof ConfigurationError && message.test(error.message) && !error.message.includes('\n'),
      source,
    );
  }
});

test('broken syntax says what to write, with line and column', () => {
  for (const [source, message] of [
    ['[server]\nhost = 0.0.0.0\n', 'f.toml:2:11: put the value in quotes: host = "0.0.0.0"'],
    ['[share.a]\nread-only = yes\n', 'f.toml:2:13: read-only = yes: write read-only = true'],
    ['; a comment\n', 'f.toml:1:1: a comment begins with #, not with ;'],
    [
      '[share.a]\npath = "C:\\photos"\n',
      "f.toml:2:12: a backslash in double quotes begins an escape: use single quotes, path = 'C:\\photos'",
    ],
    ['[share.a]\npath = /srv/photos\n', 'f.toml:2:8: put the value in quotes: path = "/srv/photos"'],
    ['[share.a]\npath = "/a"\n[share.a]\n', 'f.toml:3:8: [share.a] is defined a second time: merge the two'],
    ['[server\nport = 1\n', 'f.toml:2:1: the closing bracket is missing in the line before: [server]'],
  ] as const)
    throws(() => readToml(source, 'f.toml'), { name: 'ConfigurationError', message });
});

test('every mistake of a file is reported, in the order of the lines', () => {
  const source = '[server]\nport = "x"\nsinging = 1\n[share.a]\nusers = 5\n[[rule]]\nprotocol = "tcp"\ntimeout = "office"\n';
  throws(
    () => readToml(source, 'f.toml'),
    (error) => {
      deepStrictEqual((error as ConfigurationError).faults, [
        'f.toml:2:1: server.port is a whole number from 0 to 65535, not "x"',
        'f.toml:3:1: unknown key "server.singing"; did you mean "signing"?',
        'f.toml:4:2: share.a has no path: write path = "/a/directory", or store = "memory"',
        'f.toml:5:1: share.a.users is a list of strings, not 5',
        'f.toml:8:1: rule.timeout: there is no timeout policy "office": define [timeout.office]',
      ]);
      return (error as Error).message === 'f.toml:2:1: server.port is a whole number from 0 to 65535, not "x" (and 4 more)';
    },
  );
});

test('places are right in inline tables, dotted keys, quoted keys and after strings of several lines', () => {
  for (const [source, place] of [
    ['share = { a = { path = "/a", guest = 5 } }\n', '1:30'],
    ['server.port = "x"\n', '1:1'],
    ['[server]\ncomment = """\\\nport = 1"""\nport = "x"\n', '4:1'],
    ['[share."a.b"]\npath = "/a"\n guest = 5\n', '3:2'],
    ['rule = [{ notrack = true }, { notrack = 5 }]\n', '1:31'],
  ] as const)
    throws(() => readToml(source, 'f'), new RegExp(`^ConfigurationError: f:${place}: `), source);
});

test('each limit of the file server has a key, whose bounds the file server takes', async () => {
  deepStrictEqual(
    Object.values(limitKeys)
      .map(({ limit }) => limit)
      .sort(),
    Object.keys(defaultLimits).sort(),
  );
  for (const [name, { limit, read, schema }] of Object.entries(limitKeys)) {
    const { minimum, maximum, default: fallback } = schema as { minimum: number; maximum: number; default: number };
    strictEqual(read(fallback), defaultLimits[limit], name);
    for (const value of [minimum, maximum]) {
      const server = await createSmbServer({ shares: {}, listen: false, limits: { [limit]: read(value) } });
      await server.close();
    }
  }
  deepStrictEqual(readToml('[limits]\nidle-minutes = 15\n', 'f').limits, { 'idle-minutes': 900_000 });
});

test('the JSON Schema has the keys that are read', () => {
  const { properties } = configurationSchema() as { properties: Record<string, { properties?: object }> };
  deepStrictEqual(Object.keys(properties), ['server', 'limits', 'daemon', 'console', 'audit', 'sysctl', 'timeout', 'rule', 'share']);
  ok(Object.keys(properties['server']?.properties ?? {}).includes('dialect-min'));
});

test('docs/ring3.schema.json is what the tables say', () => {
  const published = readFileSync(new URL('../../../../docs/ring3.schema.json', import.meta.url), 'utf8');
  deepStrictEqual(JSON.parse(published), configurationSchema());
});

test('[audit] and a share with audit: kinds are checked, and the path is relative to the file', () => {
  const source = '[audit]\npath = "log/audit"\nsize = 8192\nkinds = ["delete", "refused"]\n[share.a]\nstore = "memory"\naudit = true\n';
  const { audit, shares } = readToml(source, 'ring3.toml');
  deepStrictEqual(audit, { path: 'log/audit', size: 8192, kinds: ['delete', 'refused'] });
  strictEqual(shares[0]?.audit, true);
  throws(
    () => readToml('[audit]\nkinds = ["eaten"]', 'ring3.toml'),
    /^ConfigurationError: ring3\.toml:2:1: audit\.kinds is a list of some of log-on, .*, refused, not \["eaten"\]$/,
  );
});
