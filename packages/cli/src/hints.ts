import { listenFault } from '@ring3/daemon/listen-fault';

/** The fields of errors of Node.js, of NetlinkError, SystemError and the errors of the daemon. */
interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly syscall?: string;
  readonly address?: string;
  readonly hostname?: string;
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  /** Of a `ConfigurationError`: one line each. */
  readonly faults?: readonly string[];
  readonly cause?: unknown;
}

/** One kind of failure: how it is recognised, and its message with advice. */
interface Hint {
  is(failure: Failure): boolean;
  say(failure: Failure): string;
}

const called =
  (syscall: string, ...codes: readonly string[]): Hint['is'] =>
  (failure) =>
    failure.syscall === syscall && (codes.length === 0 || codes.includes(failure.code ?? ''));
const named =
  (name: string, code?: string): Hint['is'] =>
  (failure) =>
    failure.name === name && (code === undefined || failure.code === code);
const aboutPath =
  (code: string): Hint['is'] =>
  (failure) =>
    failure.code === code && failure.path !== undefined && failure.syscall !== 'listen';

/** All failures with advice, the most specific first. Other failures are reported by their message. */
const hints: readonly Hint[] = [
  {
    is: called('listen'),
    say: ({ address = '', port = 0, code = '' }) => listenFault(address, port, code),
  },
  {
    is: called('getaddrinfo'),
    say: ({ hostname = '', port = 0, code = '' }) => listenFault(hostname, port, code),
  },
  {
    is: named('NoDaemonError'),
    say: ({ message }) =>
      `${message}: start one with "ring3 serve DIR", or name the socket of the one that runs with --control or RING3_CONTROL`,
  },
  {
    is: (failure) => failure.name === 'StateHeldError' || failure.name === 'ControlHeldError',
    say: ({ message }) =>
      `${message}: "ring3 share add NAME DIR" shares another directory there; a second server needs its own --state-dir, --control, --netlink and --port`,
  },
  {
    is: (failure) => failure.name === 'SystemError' && failure.syscall === 'bind' && failure.code === 'EADDRINUSE',
    say: ({ message }) =>
      `${message.replace(/^bind (.*): EADDRINUSE$/, '$1')}: another program listens there: stop it, or choose another socket with --netlink`,
  },
  {
    is: named('NetlinkError', 'EPERM'),
    say: ({ message }) =>
      `${message}: the kernel answers only root (sudo) or CAP_NET_ADMIN; without either, start ring3 with "ring3 serve"`,
  },
  {
    is: named('NetlinkError', 'EBUSY'),
    say: ({ message }) => `${message}: it is in use, by a rule ("ring3 rule list") or by a flow`,
  },
  { is: named('NetlinkError', 'ENOENT'), say: ({ message }) => `${message}: it does not exist; the command "list" shows what does` },
  {
    is: named('NetlinkError', 'EEXIST'),
    say: ({ message }) => `${message}: it exists already, with other contents: delete it first, or choose another name`,
  },
  {
    is: (failure) => failure.name === 'SystemError' && failure.syscall === 'socket' && failure.code === 'EPROTONOSUPPORT',
    say: () => 'this kernel has no netfilter netlink (modprobe nfnetlink), or a sandbox hides it: start ring3 with "ring3 serve"',
  },
  { is: aboutPath('ENOENT'), say: ({ path }) => `${path} does not exist` },
  { is: aboutPath('EACCES'), say: ({ path }) => `${path}: this user may not use it: check its owner and mode ("ls -ld ${path}")` },
  { is: aboutPath('EPERM'), say: ({ path }) => `${path}: this user may not use it: check its owner and mode ("ls -ld ${path}")` },
  { is: aboutPath('EISDIR'), say: ({ path }) => `${path} is a directory, not a file` },
  { is: aboutPath('ENOTDIR'), say: ({ path }) => `${path}: a part of it is not a directory` },
  {
    is: (failure) => failure.code === 'EMFILE',
    say: () => 'too many open files: raise the limit (ulimit -n 65536, or LimitNOFILE= in the unit)',
  },
  { is: (failure) => failure.code === 'ENOSPC', say: ({ path }) => `${path ?? 'the file system'}: no space is left` },
];

/** The failure and its causes, the outermost first. */
function* chain(error: unknown): Generator<Failure> {
  for (let at: unknown = error; at instanceof Error; at = at.cause) yield at;
}

/** A failure in one line, with advice if there is any. An invalid configuration has one line for each fault. */
export function explain(error: unknown): readonly string[] {
  for (const failure of chain(error)) {
    if (failure.faults !== undefined) return failure.faults.map((fault) => `error: ${fault}`);
    const hint = hints.find(({ is }) => is(failure));
    if (hint !== undefined) return [hint.say(failure)];
  }
  return [error instanceof Error ? (error.message.split('\n', 1)[0] as string) : String(error)];
}
