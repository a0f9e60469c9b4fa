import { deepStrictEqual, match, ok, strictEqual, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigurationError } from '../configuration-error.ts';
import { globalParameters } from './global-parameters.ts';
import { type Host, membersIn } from './host.ts';
import { readKsmbdConf } from './read-conf.ts';
import { shareParameters } from './share-parameters.ts';

const host: Host = {
  user: 'files',
  everywhere: '0.0.0.0',
  addressesOf: (name) => ({ lo: ['127.0.0.1'], eth0: ['10.0.0.5', 'fd00::5'] })[name] ?? [],
  membersOf: (group) => ({ staff: ['anna', 'bob'], empty: [] })[group],
};
const read = (source: string) => readKsmbdConf(source, 'k', host);
const share = (lines: string) => read(`[x]\npath = /x\n${lines}`).shares[0];
const warnings = (source: string): readonly string[] => read(source).warnings;

test('missing parameters have the defaults of the manual (ksmbd.conf(5))', () => {
  const { server, limits, shares, warnings: said, users } = read('[x]\npath = /x\n');
  deepStrictEqual(server, {
    name: 'KSMBD-SERVER',
    comment: 'SMB SERVER',
    workgroup: 'WORKGROUP',
    signing: 'enabled',
    encryption: 'off',
    guest: false,
    anonymous: true,
    'dialect-min': '2.1',
    'dialect-max': '3.1.1',
    multichannel: false,
    host: '0.0.0.0',
    port: 445,
  });
  deepStrictEqual(limits, {
    'idle-minutes': 0,
    sessions: 1024,
    connections: 128,
    'opens-for-session': 10_000,
    credits: 8192,
    'read-bytes': 4 << 20,
    'write-bytes': 4 << 20,
    'transact-bytes': 1 << 20,
  });
  deepStrictEqual(shares, [
    {
      name: 'x',
      at: 'k:2',
      path: '/x',
      'read-only': true,
      guest: false,
      hidden: false,
      'hide-dot-files': true,
      oplocks: true,
      streams: false,
      'max-connections': 128,
      'file-mode': 0o644,
      'folder-mode': 0o755,
    },
  ]);
  deepStrictEqual([said, users], [[], []]);
});

test('everything that can be honoured is', () => {
  const {
    server,
    limits,
    shares,
    warnings: said,
  } = read(`
[global]
  netbios name = FILES
  server string = The files
  workgroup = HOME
  server signing = mandatory
  server multi channel support = yes
  smb3 encryption = mandatory
  server min protocol = SMB3
  server max protocol = SMB3_02
  map to guest = Bad User
  restrict anonymous = 2
  bind interfaces only = yes
  interfaces = lo
  tcp port = 1445
  deadtime = 15
  max active sessions = 20
  max connections = 0
  max ip connections = 4
  max open files = 1K
  smb2 max credits = 256
  smb2 max read = 64K
  smb2 max write = 1MB
  smb2 max trans = 65536
  root directory = /srv
[photos]
  path = /photos
  comment = Photos of ours
  browseable = no
  writeable = yes
  guest ok = no
  valid users = anna, bob	carl @staff
  invalid users = carl
  read list = bob
  write list = anna
  veto files = /.snap/*.tmp/a b/
  hide dot files = no
  create mask = 0770
  force create mode = 0060
  directory mask = 0700
  force directory mode = 2070
  force user = files
  oplocks = no
  max connections = 3
  vfs objects = acl_xattr streams_xattr
`);
  deepStrictEqual(said, []);
  deepStrictEqual(server, {
    name: 'FILES',
    comment: 'The files',
    workgroup: 'HOME',
    signing: 'required',
    encryption: 'required',
    guest: true,
    anonymous: false,
    'dialect-min': '3.0',
    'dialect-max': '3.0.2',
    multichannel: true,
    host: '127.0.0.1',
    port: 1445,
  });
  deepStrictEqual(limits, {
    'idle-minutes': 900_000,
    sessions: 20,
    connections: 65_536,
    'connections-for-address': 4,
    'opens-for-session': 1024,
    credits: 256,
    'read-bytes': 65_536,
    'write-bytes': 1 << 20,
    'transact-bytes': 65_536,
  });
  deepStrictEqual(shares, [
    {
      name: 'photos',
      at: 'k:27',
      path: '/srv/photos',
      comment: 'Photos of ours',
      hidden: true,
      'read-only': false,
      guest: false,
      users: ['anna', 'bob', 'carl'],
      'invalid-users': ['carl'],
      readers: ['bob'],
      writers: ['anna'],
      veto: ['.snap', '*.tmp', 'a b'],
      'hide-dot-files': false,
      'file-mode': 0o660,
      'folder-mode': 0o770,
      'force-user': 'files',
      oplocks: false,
      'max-connections': 3,
      streams: true,
    },
  ]);
});

test('a parameter that is not honoured is a warning with its line and what ring3 does, unless its value is what ring3 does', () => {
  const said = warnings(`[global]
kerberos keytab file = /etc/krb5.keytab
server signing = auto
smb3 encryption = disabled
smbd max io size = 16MB
guest account = smbguest
frobnicate = 7
ipc timeout = 20
share:fake_fscaps = 0
netbios name = my big server name
smb2 max read = 64MB
[x]
path = /x
hosts allow = 10.0.0.0/8
inherit owner = yes
force group = staff
force user = nobody
vfs objects = shadow_copy2
deadtime = 5
valid users = @nobodies anna
[list only]
comment = nothing here
[a/b]
path = /q
[IPC$]
path = /q
`);
  deepStrictEqual(said, [
    'k:2: kerberos keytab file is not honoured: the only authentication is NTLMv2',
    'k:4: smb3 encryption is not honoured: a client that asks for encryption gets it',
    'k:5: smbd max io size is not honoured: there is no SMB Direct',
    'k:6: guest account is not honoured: a client without a user name is a guest, and its files belong to the user that ring3 runs as',
    'k:7: frobnicate is not a parameter of ksmbd.conf(5)',
    'k:9: share:fake_fscaps is not honoured: the capabilities of the file system are reported, with sparse files',
    'k:10: netbios name is not honoured as it is: no NetBIOS name, my-big-server-n is taken',
    'k:11: smb2 max read is taken for 8388608: ring3 knows 65536 to 8388608',
    'k:14: [x] hosts allow is not honoured: clients of every address may connect',
    'k:15: [x] inherit owner is not honoured: the owner of a file is the user that creates it',
    'k:16: [x] force group is not honoured: files are created as the user that ring3 runs as',
    'k:17: [x] force user is honoured for clients; on this host files are created as the user that ring3 runs as (--as)',
    'k:18: [x] vfs objects shadow_copy2 is not honoured: there is no such module',
    'k:19: [x] deadtime belongs in [global], and is ignored',
    'k:20: [x] valid users @nobodies: there is no such group in /etc/group',
    'k:21: [list only] has no path and is not shared',
    'k:23: [a/b] is not a valid share name, and is not shared',
    'k:25: [IPC$] is not a valid share name, and is not shared',
  ]);
});

test('sections and names are compared without case; a repeated section continues, and the first non-empty value counts, as in ksmbd-tools', () => {
  const {
    server,
    shares,
    warnings: said,
  } = read(`[GLOBAL]
Server String =
SERVER  STRING = first
[Photos]
path =
PATH=/first
[global]
server string = second
[photos]
path = /second
comment = of the second
[GLOBAL]
`);
  strictEqual(server.comment, 'first');
  deepStrictEqual(
    shares.map(({ name, path, comment }) => [name, path, comment]),
    [['Photos', '/first', 'of the second']],
  );
  deepStrictEqual(said, [
    'k:8: [GLOBAL] server string has a value in line 3 already, which counts',
    'k:10: [Photos] path has a value in line 6 already, which counts',
  ]);
});

test("[global] gives the defaults of shares, also where a share's value is empty", () => {
  const { shares, warnings: said } = read(`[x]
path = /x
valid users =
guest ok = yes
[global]
valid users = anna
guest ok = no
read only = no
hosts deny = all
[y]
path = /y
valid users = bob
`);
  deepStrictEqual(
    shares.map((one) => [one.users, one.guest, one['read-only']]),
    [
      [['anna'], true, false],
      [['bob'], false, false],
    ],
  );
  deepStrictEqual(said, ['k:9: hosts deny is not honoured: clients of every address may connect'], 'once, and not for each share');
});

test('a comment starts a line or follows a blank; a comment sign inside a word is part of the word', () => {
  const { shares, warnings: said } = read(
    '; one\n  # two\n[x]  ; three\r\n\tpath\t=\t/srv/C#;1 \r\ncomment = a # b\nvalid users = anna ; bob is gone\nforce user = # nobody\n',
  );
  deepStrictEqual(
    shares.map((one) => [one.path, one.comment, one.users, one['force-user']]),
    [['/srv/C#;1', 'a', ['anna'], undefined]],
  );
  strictEqual(said.length, 3);
  match(said[1] as string, /^k:6: "; bob is gone" is taken for a comment, as ksmbd\.conf\(5\) says; ksmbd-tools take it/);
});

test('none is the most, or the default, where the kernel server takes it so', () => {
  const { limits, warnings: said } = read(
    '[global]\nmax connections = 0\nmax open files = 0\nmax active sessions = 0\nmax ip connections = 70000\n',
  );
  deepStrictEqual(
    [limits.connections, limits['opens-for-session'], limits.sessions, limits['connections-for-address'], said],
    [65_536, 10_000, 1024, 65_536, []],
  );
});

test('who may write: read only comes before writable, writeable and write ok', () => {
  for (const [lines, readOnly] of [
    ['', true],
    ['writeable = yes', false],
    ['write ok = 1', false],
    ['writable = true\nwriteable = no', false],
    ['read only = yes\nwriteable = yes', true],
    ['read only = False', false],
    ['read only =\nwriteable = YES', false],
  ] as const)
    strictEqual(share(lines)?.['read-only'], readOnly, lines);
});

test('new files and folders: what DOS gives, and with the mask, or with the forced bits; others than rwx are left out', () => {
  for (const [lines, file, folder] of [
    ['', 0o644, 0o755],
    ['create mask = 0777\ndirectory mask = 777', 0o666, 0o777],
    ['create mask = 600\nforce create mode = 0111', 0o711, 0o755],
    ['create mask = 07777\nforce create mode = 4000', 0o666, 0o755],
  ] as const)
    deepStrictEqual([share(lines)?.['file-mode'], share(lines)?.['folder-mode']], [file, folder], lines);
});

test('the address: every one, that of one interface, and never more than were named', () => {
  const at = (lines: string) => read(`[global]\n${lines}`);
  strictEqual(at('interfaces = eth0').server.host, '0.0.0.0', 'the list is for bind interfaces only');
  strictEqual(at('bind interfaces only = yes\ninterfaces = lo').server.host, '127.0.0.1');
  const { server, warnings: said } = at('bind interfaces only = yes\ninterfaces = eth0, lo');
  strictEqual(server.host, '10.0.0.5');
  deepStrictEqual(said, [
    'k:3: interfaces is not honoured as it is: ring3 listens on one address, 10.0.0.5 of eth0 (--host gives another)',
  ]);
  strictEqual(at('bind interfaces only = yes').server.host, '127.0.0.1');
  throws(() => at('bind interfaces only = yes\ninterfaces = wlan7'), /k:3: interfaces: there is no interface wlan7 with an address here$/);
});

test('clients without a name are accepted on IPC$ unless that is restricted, and on shares for guests', () => {
  strictEqual(read('[x]\npath = /x\n').server.anonymous, true);
  strictEqual(read('[global]\nrestrict anonymous = 1\n[x]\npath = /x\n').server.anonymous, false);
  const { server, warnings: said } = read('[global]\nrestrict anonymous = 1\n[x]\npath = /x\nguest ok = yes\n');
  strictEqual(server.anonymous, true);
  deepStrictEqual(said, ['k:2: restrict anonymous is not honoured for IPC$, because of the guests of [x]']);
});

test('the users of a group are those that its line names, and those whose first group it is (group(5), passwd(5))', () => {
  const groups = [
    ['staff', 'x', '50', 'anna,bob'],
    ['none', 'x', '51', ''],
  ];
  const users = [['bob', 'x', '1000', '50'], ['carl', 'x', '1001', '50'], ['']];
  deepStrictEqual(membersIn('staff', groups, users), ['anna', 'bob', 'carl']);
  deepStrictEqual(membersIn('none', groups, users), []);
  strictEqual(membersIn('unknown', groups, users), undefined);
});

test('a broken ksmbd.conf says where', () => {
  for (const [source, message] of [
    ['path = /x\n', /^k:1: a parameter before the first \[section\]$/],
    ['[global]\nnonsense\n', /^k:2: "nonsense" is neither a \[section\] nor a parameter = value$/],
    ['[global]\n = 5\n', /^k:2: "= 5" is neither/],
    ['[global\n', /^k:1: "\[global" has no \] at its end$/],
    ['[global]\nserver signing = perhaps\n', /^k:2: server signing is one of disabled, .*, not "perhaps"$/],
    ['[global]\nserver max protocol = NT1\n', /^k:2: server max protocol is one of smb2, .*, not "NT1"$/],
    ['[global]\ntcp port = 70000\n', /^k:2: tcp port is a port, 0 to 65535, not "70000"$/],
    ['[global]\ndeadtime = soon\n', /^k:2: deadtime is a number, .*, not "soon"$/],
    ['[global]\ndeadtime = -1\n', /^k:2: deadtime is a number/],
    ['[global]\nmap to guest = bad password\n', /^k:2: map to guest is one of never, bad user, not "bad password"$/],
    [
      '[global]\nserver max protocol = SMB2_02\n',
      /^k:2: server max protocol is below server min protocol, which is SMB2_10 unless it is said$/,
    ],
    [
      '[global]\nserver max protocol = SMB2_10\nsmb3 encryption = mandatory\n',
      /^k:3: smb3 encryption needs a server max protocol of SMB3_00/,
    ],
    ['[x]\nguest ok = on\n', /^k:2: \[x\] guest ok is yes or no, not "on"$/],
    ['[x]\nguest ok = perhaps\n', /^k:2: \[x\] guest ok is yes or no, not "perhaps"$/],
    ['[global]\nguest ok = perhaps\n[x]\npath=/x\n', /^k:2: guest ok is yes or no, not "perhaps"$/],
    ['[x]\ncreate mask = 0888\n', /^k:2: \[x\] create mask is an octal number such as 0744, not "0888"$/],
    ['[x]\n\u001b[31m = 1\npath\n', /^k:3: "path" is neither/],
  ] as const)
    throws(
      () => read(source),
      (error) => error instanceof ConfigurationError && message.test(error.message),
      source,
    );
  ok(warnings('[x]\npath = /x\n\u001b[31m = 1\n')[0]?.includes('\\u001b'), 'no control character reaches the terminal');
});

test('every parameter of the manuals of ksmbd-tools 3.4.7 and later is known', () => {
  const names = (text: string): string[] => text.split(', ').sort();
  deepStrictEqual(
    Object.keys(globalParameters).sort(),
    names(
      'bind interfaces only, deadtime, durable handles, guest account, interfaces, ipc timeout, kerberos keytab file, kerberos service name, kerberos support, map to guest, max active sessions, max connections, max ip connections, max open files, netbios name, restrict anonymous, root directory, server max protocol, server min protocol, server multi channel support, server signing, server string, share:fake_fscaps, smb2 leases, smb2 max credits, smb2 max read, smb2 max trans, smb2 max write, smb3 encryption, smbd max io size, tcp port, workgroup',
    ),
  );
  deepStrictEqual(
    Object.keys(shareParameters).sort(),
    names(
      'admin users, browseable, comment, create mask, crossmnt, directory mask, follow symlinks, force create mode, force directory mode, force group, force user, guest account, guest ok, hide dot files, hosts allow, hosts deny, inherit owner, invalid users, max connections, oplocks, path, read list, read only, store dos attributes, valid users, veto files, vfs objects, writable, writeable, write list, write ok',
    ),
  );
});
