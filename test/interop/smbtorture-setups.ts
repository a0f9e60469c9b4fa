import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What single tests of smbtorture need of a server and of its command line, and the tests that no server can pass. */

/** A share for some tests, and the options of the test program. */
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
 * `[server]` of the servers. Signing is not required by most, so that tests without it run, too.
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
    tests: /^twrp\./,
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
  { tests: /^(multichannel\.|maxfid$)/, seconds: 150 },
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
  { tests: /^samba3misc\./, options: ({ share }) => [`localdir=${share}`] },
];

/** Tests by the reason why they are not passed. */
interface Reason {
  readonly tests: RegExp;
  readonly reason: string;
}

/** Tests that no server can pass here. They are not run. */
export const impassable: readonly Reason[] = [
  { tests: /^session\.reauth5$/, reason: 'deletes a file that it never made, and wants success' },
  { tests: /^charset\.Testing partial surrogate$/, reason: 'fails to convert the name itself, before it sends anything' },
  { tests: /^acls_non_canonical\.flags$/, reason: 'wants control bits kept that MS-DTYP 2.5.3.4.3 computes; Samba has an option for it' },
  { tests: /^aio_delay\./, reason: 'needs a module of Samba that delays reads' },
  { tests: /^kernel-oplocks\.kernel_oplocks[578]$/, reason: 'tests an option of Samba: oplocks that are leases of the host' },
  { tests: /^lease\.dynamic_share$/, reason: 'needs a share whose path depends on the time, as with a variable of Samba' },
  { tests: /^hold-(oplock|sharemode)$/, reason: 'waits for a signal of a person and reports no result' },
  { tests: /^session\.expire/, reason: 'needs Kerberos tickets, which expire; ring3 authenticates by NTLMv2' },
  { tests: /^lock\.ctdb-delrec-deadlock$/, reason: 'needs a cluster of Samba servers' },
  { tests: /^lock\.rw-none$/, reason: 'tests a fault of Windows Server 2008, and is skipped for all others' },
  { tests: /^lock\.replay_broken_windows$/, reason: 'tests a fault of Windows, and is skipped for servers without it' },
  { tests: /^dir\.file-index$/, reason: 'tests a file index, which Windows does not provide either' },
  { tests: /^(read|ioctl)\.bug14607$/, reason: 'needs a control code that only Samba has, which pads responses' },
  { tests: /^ioctl\.bug14769$/, reason: 'needs a control code that only Samba has' },
];

/** Tests that are run, and whose wish is declined. */
export const declined: readonly Reason[] = [
  {
    tests: /^ioctl\.(compress_(?!notsup)|sparse_compressed$|dup_extents_compressed_)/,
    reason: 'needs files that the store compresses (decision 0125)',
  },
  { tests: /^ioctl\.trim_simple$/, reason: 'needs FSCTL_FILE_LEVEL_TRIM, which ring3 does not have' },
  {
    tests: /^(twrp\.listdir|timestamps\.test_close_not_attrib)$/,
    reason: 'separates names by /, which no name may contain (MS-FSCC 2.1.5.2)',
  },
  { tests: /^notify\.tree$/, reason: 'wants .. in a path, which is rejected (MS-SMB2 3.3.5.9)' },
  {
    tests: /^notify-inotify\.inotify-rename$/,
    reason:
      'renames in a directory that another open could delete: SHARING_VIOLATION, as smb2.rename.no_share_delete_no_delete_access wants',
  },
  {
    tests: /^timestamps\.delayed-(2write$|write-vs-(seteof|flush|setbasic)$)|^timestamp_resolution\./,
    reason: 'wants LastWriteTime to stand still for a time after a write, not MS-FSA 2.1.4.17 (decision 0089)',
  },
  {
    tests: /^session\.bind_negative_smb3sign(CtoH|HtoC)d$/,
    reason: 'binds a connection of another ClientGuid; USER_SESSION_DELETED by MS-SMB2 3.3.5.5, as Samba (decision 0112)',
  },
  {
    tests: /^multichannel\.(oplocks\.test2|oplocks\.test3_windows|leases\.test2)$/,
    reason: 'wants the channel and the number of break notifications of Windows; MS-SMB2 3.3.4.1.6 leaves the channel open',
  },
  { tests: /^session-id$/, reason: 'keeps session ids in 32 bits; those of ring3 have 53, so that none repeats after a restart' },
  {
    tests: /^streams\.rename2$/,
    reason: 'wants SHARING_VIOLATION for a stream name without a colon; INVALID_PARAMETER by MS-FSA 2.1.5.15.11.1',
  },
  { tests: /^maximum_allowed$/, reason: 'wants GENERIC_EXECUTE granted by a list that grants only reading' },
  { tests: /^create\.gentest$/, reason: 'wants file attributes rejected that newer versions of MS-FSCC 2.6 define' },
  { tests: /^rw\.invalid$/, reason: 'wants the largest file of NTFS, and DISK_FULL for a hole' },
  { tests: /^create\.quota-fake-file$/, reason: 'opens the quota file of NTFS, which no Linux file system has' },
  {
    tests: /^oplock\.batch22b$/,
    reason:
      'wants a break to end with the acknowledgement of TCP, by a control code that only Samba has; here it ends after the time of the limit',
  },
  {
    tests: /^replay\.dhv2-pending.*-windows$/,
    reason: 'wants the status of Windows where the test that ends in -sane wants that of MS-SMB2 3.3.5.9.10',
  },
];

const reasonIn = (table: readonly Reason[], name: string): string | undefined =>
  table.find(({ tests }) => tests.test(name.replace(/^smb2\./, '')))?.reason;

/** The set-up of a test. */
export const setUpOf = (name: string): SetUp | undefined => setUps.find(({ tests }) => tests.test(name.replace(/^smb2\./, '')));

/** Why no server can pass a test here, or undefined. */
export const impassableBecause = (name: string): string | undefined => reasonIn(impassable, name);

/** Why a test is not passed, or undefined. */
export const notPassedBecause = (name: string): string | undefined => impassableBecause(name) ?? reasonIn(declined, name);
