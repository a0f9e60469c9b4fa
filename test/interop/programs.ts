import { execFileSync, spawnSync } from 'node:child_process';

/** A command that checks for a program, and the Debian package of the program. */
interface Wanted {
  readonly package: string;
  /** A command that succeeds if the program is installed. */
  readonly probe: readonly [string, ...string[]];
}

const inPath = (name: string): Wanted['probe'] => ['sh', '-c', `command -v ${name}`];

const wanted = {
  smbclient: { package: 'smbclient', probe: inPath('smbclient') },
  ntlm_auth: { package: 'winbind', probe: inPath('ntlm_auth') },
  smbd: { package: 'samba', probe: inPath('smbd') },
  smbtorture: { package: 'samba-testsuite', probe: inPath('smbtorture') },
  impacket: { package: 'python3-impacket', probe: ['/usr/bin/python3', '-c', 'import impacket'] },
  tshark: { package: 'tshark', probe: inPath('tshark') },
  nfct: { package: 'nfct', probe: inPath('nfct') },
  conntrack: { package: 'conntrack', probe: inPath('conntrack') },
  conntrackd: { package: 'conntrackd', probe: inPath('conntrackd') },
  iptables: { package: 'iptables', probe: inPath('iptables') },
  nft: { package: 'nftables', probe: inPath('nft') },
  ip: { package: 'iproute2', probe: inPath('ip') },
  'user-mode-linux': { package: 'user-mode-linux', probe: inPath('linux.uml') },
  'mount.cifs': { package: 'cifs-utils', probe: inPath('mount.cifs') },
  modprobe: { package: 'kmod', probe: inPath('modprobe') },
  systemd: {
    package: 'systemd',
    probe: ['sh', '-c', 'command -v systemd-analyze && command -v systemd-socket-activate && test -x /lib/systemd/systemd'],
  },
  ss: { package: 'iproute2', probe: inPath('ss') },
  rclone: { package: 'rclone', probe: inPath('rclone') },
  git: { package: 'git', probe: inPath('git') },
  'ksmbd.adduser': { package: 'ksmbd-tools', probe: inPath('ksmbd.adduser') },
  python3: { package: 'python3', probe: ['/usr/bin/python3', '--version'] },
  gcc: { package: 'gcc', probe: inPath('gcc') },
  fuse3: {
    package: 'fuse3, libfuse3-dev and pkg-config',
    probe: ['sh', '-c', 'test -w /dev/fuse && command -v fusermount3 && pkg-config --exists fuse3'],
  },
  libmnl: { package: 'libmnl-dev', probe: ['sh', '-c', 'echo "#include <libmnl/libmnl.h>" | gcc -E -x c - '] },
  'libnetfilter-cttimeout': {
    package: 'libnetfilter-cttimeout-dev',
    probe: ['sh', '-c', 'echo "#include <libnetfilter_cttimeout/libnetfilter_cttimeout.h>" | gcc -E -x c - '],
  },
  'libnetfilter-cthelper': {
    package: 'libnetfilter-cthelper-dev',
    probe: ['sh', '-c', 'echo "#include <libnetfilter_cthelper/libnetfilter_cthelper.h>" | gcc -E -x c - '],
  },
  'libnetfilter-conntrack': {
    package: 'libnetfilter-conntrack-dev',
    probe: ['sh', '-c', 'echo "#include <libnetfilter_conntrack/libnetfilter_conntrack.h>" | gcc -E -x c - '],
  },
} as const satisfies Record<string, Wanted>;

/** The programs that the tests use. */
export type Program = keyof typeof wanted;

const strict = process.env['CI'] === 'true' || process.env['RING3_INTEROP_STRICT'] === '1';
const found = new Map<Program, boolean>();

function has(program: Program): boolean {
  let there = found.get(program);
  if (there === undefined) {
    const [command, ...parameters] = wanted[program].probe;
    there = spawnSync(command, parameters, { stdio: 'ignore' }).status === 0;
    found.set(program, there);
  }
  return there;
}

/**
 * The options of a test that needs these programs: skipped, with the reason, if one is missing. With CI=true or RING3_INTEROP_STRICT=1
 * nothing is skipped, so the test fails.
 */
export function need(...programs: readonly Program[]): { skip?: string } {
  const missing = programs.filter((program) => !has(program));
  if (missing.length === 0 || strict) return {};
  return { skip: `not installed: ${missing.map((program) => `${program} (Debian package ${wanted[program].package})`).join(', ')}` };
}

/** The first line of the output of `command --version`. */
export const versionOf = (command: string): string =>
  (execFileSync(command, ['--version'], { encoding: 'utf8' }).split('\n')[0] as string).trim();

/**
 * Options of a random test: continuous integration uses a fixed seed, so that a failure is caused by the change; elsewhere the seed is
 * random.
 */
export const seeded: { readonly seed?: number } = process.env['CI'] === 'true' ? { seed: 20_261_120 } : {};
