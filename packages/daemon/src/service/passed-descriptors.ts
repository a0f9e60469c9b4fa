/** The first passed descriptor, sd_listen_fds(3) SD_LISTEN_FDS_START. */
const first = 3;

/** A descriptor that a service manager passed. */
export interface PassedDescriptor {
  readonly fd: number;
  /** `FileDescriptorName=` of its unit; default: `unknown`. */
  readonly name: string;
}

/**
 * The descriptors that a service manager passed to this process: `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`, sd_listen_fds(3). The
 * variables are removed from the environment, so that no child process uses them.
 * @param pid of this process; descriptors for another process are ignored
 * @returns them in the order of the units; empty if none were passed
 * @throws Error in one line if a variable is invalid
 */
export function passedDescriptors(env: NodeJS.ProcessEnv = process.env, pid = process.pid): PassedDescriptor[] {
  const { LISTEN_PID: whom, LISTEN_FDS: count, LISTEN_FDNAMES: names } = env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  if (whom === undefined || count === undefined) return [];
  if (wholeNumber('LISTEN_PID', whom) !== pid) return [];
  const length = wholeNumber('LISTEN_FDS', count);
  const named = names?.split(':') ?? Array.from({ length }, () => 'unknown');
  if (named.length !== length) throw new Error(`LISTEN_FDNAMES has ${named.length} names for ${length} descriptors (sd_listen_fds(3))`);
  return named.map((name, i) => ({ fd: first + i, name }));
}

/** @throws Error */
function wholeNumber(variable: string, text: string): number {
  const number = /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 0;
  if (number === 0 || (variable === 'LISTEN_FDS' && number > 1024))
    throw new Error(`${variable} is ${JSON.stringify(text)}: a service manager writes a number above 0 (sd_listen_fds(3))`);
  return number;
}
