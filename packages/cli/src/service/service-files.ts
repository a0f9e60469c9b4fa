import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** A file of the service. */
export interface ServiceFile {
  readonly path: string;
  readonly text: string;
  /** Permission bits. */
  readonly mode: number;
  /** An example for the administrator: an existing file is kept. Other files have to be as given. */
  readonly example: boolean;
}

/** Where a service is installed. */
export interface ServicePlace {
  /** A service of this user, in place of one of the system. */
  readonly user: boolean;
  /** Directory that is the root of the paths; default: /. */
  readonly root: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The directory with the files of the service: part of the installed package; in a checkout that of the repository. */
const deploy = [new URL('../../deploy/', import.meta.url), new URL('../../../../deploy/', import.meta.url)].find((place) =>
  existsSync(place),
);

/** A word of `ExecStart=`: systemd.service(5), "Command lines". */
const word = (text: string): string => {
  const escaped = text.replaceAll('%', '%%').replaceAll('$', '$$$$').replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return /[\s"\\]/.test(text) ? `"${escaped}"` : escaped;
};

/**
 * The files of the service.
 * @param command the words that run `ring3`
 * @throws Error if the package is incomplete
 */
export function serviceFiles({ user, root, env }: ServicePlace, command: readonly string[]): ServiceFile[] {
  const configuration = user ? env['XDG_CONFIG_HOME'] || join(homedir(), '.config') : '/etc';
  const unit = (kind: 'service' | 'socket'): ServiceFile => ({
    path: join(root, user ? join(configuration, 'systemd/user') : '/etc/systemd/system', `ring3.${kind}`),
    text: read(user ? `ring3.user.${kind}` : `ring3.${kind}`).replace(
      /^(Exec\w+=)ring3 /gm,
      (_, key: string) => `${key}${command.map(word).join(' ')} `,
    ),
    mode: 0o644,
    example: false,
  });
  const example: ServiceFile = {
    path: join(root, configuration, 'ring3/ring3.toml'),
    text: user ? userConfiguration : read('ring3.toml'),
    mode: user ? 0o600 : 0o644,
    example: true,
  };
  const account: ServiceFile = {
    path: join(root, '/etc/sysusers.d/ring3.conf'),
    text: read('ring3.sysusers'),
    mode: 0o644,
    example: false,
  };
  return [unit('service'), unit('socket'), ...(user ? [] : [account]), example];
}

function read(name: string): string {
  if (deploy === undefined) throw new Error('this package of ring3 has no directory deploy: install it again');
  return readFileSync(new URL(name, deploy), 'utf8');
}

const userConfiguration = `# "ring3 serve --check --config FILE" validates this file; ring3.toml(5) lists every key.
[share.public]
path = "${join(homedir(), 'Public')}"
`;
