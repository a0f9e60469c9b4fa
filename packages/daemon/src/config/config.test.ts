import { deepStrictEqual, match, ok, strictEqual, throws } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ConfigurationError } from './configuration.ts';
import { configurationSchema } from './json-schema.ts';
import { readKsmbdConf, readKsmbdUsers } from './ksmbd.ts';
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

test('a configuration is read; what it leaves out is left out', () => {
  const { server, limits, shares, daemon, warnings } = readToml(good, 'ring3.toml');
  deepStrictEqual(server, { host: '0.0.0.0', port: 445, signing: 'required', 'dialect-min': '2.1' });
  deepStrictEqual(limits, { connections: 500 });
  deepStrictEqual(shares, [
    { path: '/srv/photos', 'read-only': true, users: ['anna', 'bob'], name: 'photos' },
    { path: '/srv/two', 'file-mode': '640', name: 'two words' },
  ]);
  deepStrictEqual(daemon, { 'log-level': 'warn' });
  deepStrictEqual(warnings, []);
  deepStrictEqual(readToml('', 'empty.toml').shares, []);
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

test('each class of error has its line, its key and what is allowed', () => {
  for (const [source, message] of [
    ['[server]\nport = 99999\n', /^f\.toml:2: server\.port is a whole number from 0 to 65535, not 99999$/],
    ['[server]\n\n# a comment\nsigning = "maybe"\n', /^f\.toml:4: server\.signing is one of required, enabled, not "maybe"$/],
    ['[server]\nsinging = "required"\n', /^f\.toml:2: there is no server\.singing; signing\?$/],
    ['[server]\nxyzzyxyzzy = 1\n', /^f\.toml:2: there is no server\.xyzzyxyzzy: host, port, .* are known$/],
    ['[servers]\n', /^f\.toml:1: there is no servers; server\?$/],
    ['[share.a]\npath = "/a"\n[share.b]\ncomment = "no path"\n', /^f\.toml:3: share\.b has no path$/],
    ['[share."a/b"]\npath = "/a"\n', /^f\.toml:1: "a\/b" is no name of a share/],
    ['[share."IPC$"]\npath = "/a"\n', /is no name of a share/],
    [
      '[[rule]]\nnotrack = true\n\n[[rule]]\nprotocol = "tcp"\ndport = 99999\nnotrack = true\n',
      /^f\.toml:4: a port is a number from 0 to 65535, not "99999"$/,
    ],
    ['[[rule]]\nnotrack = true\n[[rule]]\nnotrack = 5\n', /^f\.toml:4: rule\.notrack is true or false, not 5$/],
    ['[rule]\nnotrack = true\n', /^f\.toml:1: rules are a list of tables: \[\[rule\]\]$/],
    ['[timeout.web]\nestablished = 5\n', /^f\.toml:1: timeout\.web\.protocol is one of tcp, /],
    ['[timeout.web]\nprotocol = "udp"\nestablished = 5\n', /^f\.toml:3: there is no timeout\.web\.established/],
    ['[timeout.web]\nprotocol = "udp"\nreplied = -5\n', /^f\.toml:3: timeout\.web\.replied is a whole number from 0 to 17179869, not -5$/],
    ['[share.a]\npath = "/a"\nusers = "anna"\n', /^f\.toml:3: share\.a\.users is a list of strings, not "anna"$/],
    ['server = 5\n', /^f\.toml:1: server is a table$/],
    ['[server]\nport = \n', /^f\.toml:2: /],
    ['[server]\nport = 1\nport = 2\n', /^f\.toml:3: /],
    [
      '[server]\ndialect-min = "3.1.1"\ndialect-max = "2.1"\n',
      /^f\.toml:2: server\.dialect-min 3\.1\.1 is above server\.dialect-max 2\.1$/,
    ],
    ['[server]\nencryption = "required"\ndialect-max = "2.1"\n', /^f\.toml:2: server\.encryption needs dialect 3\.0/],
  ] as const) {
    throws(
      () => readToml(source, 'f.toml'),
      (error) => error instanceof ConfigurationError && message.test(error.message) && !error.message.includes('\n'),
      source,
    );
  }
});

test('the JSON Schema has the keys that are read', () => {
  const { properties } = configurationSchema() as { properties: Record<string, { properties?: object }> };
  deepStrictEqual(Object.keys(properties), ['server', 'limits', 'daemon', 'timeout', 'rule', 'share']);
  ok(Object.keys(properties['server']?.properties ?? {}).includes('dialect-min'));
});

const ksmbd = `
; the kernel server's own file
[global]
	netbios name = KSMBD SERVER
	server signing = mandatory
	server min protocol = SMB2_10
	server string = SMB SERVER
	map to guest = bad user
	smb2 max read = 4MB
	max open files = 10000
	deadtime = 15
	guest ok = yes
	frobnicate = 7

[photos]   # a share
	path = /srv/photos
	writeable = yes
	valid users = anna, bob carl
	invalid users = carl
	read list = bob
	veto files = /x/
	guest ok = no

[list only]
	comment = nothing here
`;

test("the kernel server's configuration is read as it is; what is not honoured is named (ksmbd.conf(5))", () => {
  const { server, limits, shares, warnings } = readKsmbdConf(ksmbd, 'ksmbd.conf');
  deepStrictEqual(server, { name: 'KSMBD-SERVER', signing: 'required', guest: true, 'dialect-min': '2.1', port: 445 });
  deepStrictEqual(limits, { 'opens-for-session': 10000, 'read-bytes': 4 << 20 });
  deepStrictEqual(shares, [
    { name: 'photos', path: '/srv/photos', 'read-only': false, guest: false, hidden: false, users: ['anna', 'bob'], readers: ['bob'] },
  ]);
  const said = warnings.join('\n');
  for (const warning of [
    /^ksmbd\.conf:7: server string is not honoured/m,
    /^ksmbd\.conf:11: deadtime is not honoured: idle clients stay$/m,
    /^ksmbd\.conf:13: frobnicate is not a parameter of ksmbd\.conf\(5\)$/m,
    /^ksmbd\.conf:21: \[photos\] veto files is not honoured/m,
    /^ksmbd\.conf:\d+: \[list only\] has no path and is not shared$/m,
  ]) {
    match(said, warning);
  }
  strictEqual(warnings.length, 5, said);
});

test('a broken ksmbd.conf says where', () => {
  throws(() => readKsmbdConf('path = /x\n', 'k'), /^ConfigurationError: k:1: a parameter before the first \[section\]$/);
  throws(() => readKsmbdConf('[global]\nnonsense\n', 'k'), /k:2: "nonsense" is neither/);
  throws(() => readKsmbdConf('[global]\nserver signing = perhaps\n', 'k'), /k:2: server signing is .*, not "perhaps"/);
  throws(() => readKsmbdConf('[global]\nserver max protocol = NT1\n', 'k'), /k:2: server max protocol is one of/);
});

test("the kernel server's users are read, and a broken line is named without what stands in it (ksmbdpwd.db(5))", () => {
  const [anna] = readKsmbdUsers('anna:h42AFGBs2ilnekTvoTU/xw==\n', 'pwd.db');
  strictEqual(anna?.name, 'anna');
  strictEqual(Buffer.from(anna.ntHash).toString('hex'), '878d8014606cda29677a44efa1353fc7'); // MD4 of "secret", UTF-16LE
  throws(
    () => readKsmbdUsers('anna:h42AFGBs2ilnekTvoTU/xw==\nbob:secret\n', 'pwd.db'),
    /^ConfigurationError: pwd\.db:2: a line is NAME:BASE64 of a 16-byte hash$/,
  );
});

test('docs/ring3.schema.json is what the tables say', () => {
  const published = readFileSync(new URL('../../../../docs/ring3.schema.json', import.meta.url), 'utf8');
  deepStrictEqual(JSON.parse(published), configurationSchema());
});
