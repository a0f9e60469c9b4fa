import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What single tests of smbtorture need of a server and of its command line, and the tests that no server can pass. */

/** A share for some tests, and what the test program is told. */
export interface SetUp {
  /** The tests, without `smb2.`. */
  readonly tests: RegExp;
  /** The share that is named on the command line; default: `share`. */
  readonly share?: string;
  /** The key of {@link servers}; default: `enabled`. */
  readonly server?: keyof typeof servers;
  /** Options of the test, `torture:NAME=VALUE`. */
  readonly options?: (place: Place) => readonly string[];
  /** Files that the test expects. */
  readonly prepare?: (place: Place) => void;
  /** Seconds after which the test is killed; default: 60. */
  readonly seconds?: number;
}

/** The directory of the share of a test, and a directory for files of the test program. */
export interface Place {
  readonly share: string;
  readonly home: string;
  /** Runs commands of smbclient at a share. */
  smbclient(share: string, commands: string): void;
}

/**
 * `[server]` of the servers. Signing is not required by most: the client of smbtorture reports an unsigned USER_SESSION_DELETED, for which
 * no key remains, as ACCESS_DENIED then.
 */
export const servers = {
  enabled: { signing: 'enabled' },
  required: { signing: 'required' },
  anonymous: { signing: 'enabled', anonymous: true },
  impatient: { signing: 'enabled' },
} as const;

/** `[limits]` of the servers. */
export const limits: Readonly<Partial<Record<keyof typeof servers, Readonly<Record<string, number>>>>> = {
  impatient: { 'oplock-break-seconds': 5 },
};

const snapshot = '@GMT-2026.01.02-03.04.05';

/** The keys of each share in addition to `path`; a share has a directory of its own, unless it names one. */
export const shares: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  share: {},
  nostreams: { streams: false },
  snapshots: { snapshots: 'snapshots' },
  earlier: { path: `snapshots/${snapshot}` },
  nonotify: { 'change-notify': false },
  shortnames: { 'short-names': true },
  hideunread: { 'access-based-enumeration': true },
  hidden: { 'hide-dot-files': true, hide: ['hidefile'] },
  memory: { store: 'memory' },
  noperm: { readers: ['tester'] },
  available: { 'continuous-availability': true },
};

/** The first one that matches a test is its set-up. */
export const setUps: readonly SetUp[] = [
  { tests: /^create_no_streams\./, share: 'nostreams' },
  { tests: /^change_notify_disabled\./, share: 'nonotify' },
  { tests: /^(mangle$|dir\.one$|getinfo\.(complex|getinfo_access)$)/, share: 'shortnames' },
  {
    tests: /^twrp\.(write|stream|openroot)$/,
    share: 'snapshots',
    prepare: ({ home, smbclient }) => {
      writeFileSync(join(home, 'data'), 'data');
      smbclient('earlier', 'put data file; put data file:stream');
    },
    options: () => [`twrp_snapshot=${snapshot}`, 'twrp_file=file', 'twrp_stream=stream', 'twrp_stream_size=4'],
  },
  { tests: /^ea\.acl_xattr$/, options: () => ['acl_xattr_name=ring3.descriptor'] },
  { tests: /^dosmode$/, share: 'hidden' },
  { tests: /^ioctl\.(dup_extents|copy_chunk_sparse|sparse)/, share: 'memory' },
  { tests: /^session\.reauth[2-5]$/, server: 'anonymous' },
  { tests: /^(setinfo|create\.blob)$/, share: 'memory' }, // a host with small inodes counts a block of attributes as allocated
  { tests: /^(replay\.replay5|durable-v2-open\.persistent-open-)/, share: 'available' },
  { tests: /^notify\.mask$/, seconds: 150 },
  {
    tests: /^oplock\.batch22a$/,
    server: 'impatient',
    options: () => ['oplocktimeout=5'],
  },
  { tests: /^session-require-signing\./, server: 'required' },
  { tests: /^set-sparse-ioctl$/, options: () => ['filename=testfile'] },
  {
    tests: /^zero-data-ioctl$/,
    options: () => ['filename=testfile', 'offset=0', 'beyond_final_zero=4096'],
    prepare: ({ share }) => writeFileSync(join(share, 'testfile'), new Uint8Array(8192).fill(1)),
  },
  { tests: /^(kernel-oplocks\.kernel_oplocks8|samba3misc\.)/, options: ({ share }) => [`localdir=${share}`] },
];

/** Tests that no server can pass here, by their reason. */
export const impassable: readonly { readonly tests: RegExp; readonly reason: string }[] = [
  {
    tests: /^(twrp\.listdir|timestamps\.test_close_not_attrib)$/,
    reason: 'separates names by /, which no name may contain (MS-FSCC 2.1.5.2)',
  },
  { tests: /^session\.reauth5$/, reason: 'deletes a file that it never made, and wants success' },
  { tests: /^charset\.Testing partial surrogate$/, reason: 'fails to convert the name itself, before it sends anything' },
  { tests: /^notify\.tree$/, reason: 'wants .. in a path, which is rejected (MS-SMB2 3.3.5.9)' },
  { tests: /^acls_non_canonical\.flags$/, reason: 'wants control bits kept that MS-DTYP 2.5.3.4.3 computes; Samba has an option for it' },
  { tests: /^aio_delay\./, reason: 'needs a module of Samba that delays reads' },
  { tests: /^kernel-oplocks\.kernel_oplocks[57]$/, reason: 'wants no level II oplocks, as with an option of Samba' },
  { tests: /^lease\.dynamic_share$/, reason: 'needs a share whose path depends on the time, as with a variable of Samba' },
  { tests: /^hold-(oplock|sharemode)$/, reason: 'waits for a signal of a person and reports no result' },
  { tests: /^session\.expire/, reason: 'needs Kerberos tickets, which expire; ring3 authenticates by NTLMv2' },
  { tests: /^lock\.ctdb-delrec-deadlock$/, reason: 'needs a cluster of Samba servers' },
  { tests: /^lock\.rw-none$/, reason: 'tests a fault of Windows Server 2008, and is skipped for all others' },
  { tests: /^(read|ioctl)\.bug14607$/, reason: 'needs a control code of Samba alone that pads responses' },
  { tests: /^ioctl\.bug14769$/, reason: 'needs a control code of Samba alone' },
];

/** The set-up of a test. */
export const setUpOf = (name: string): SetUp | undefined => setUps.find(({ tests }) => tests.test(name.replace(/^smb2\./, '')));

/** Why no server can pass a test here, or undefined. */
export const impassableBecause = (name: string): string | undefined =>
  impassable.find(({ tests }) => tests.test(name.replace(/^smb2\./, '')))?.reason;
