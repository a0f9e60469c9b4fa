import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defaultRuntimeDir, serviceRuntimeDir } from '@ring3/daemon/places';

const sockets = {
  control: { file: 'control.sock', variable: 'RING3_CONTROL' },
  netlink: { file: 'netlink.sock', variable: 'RING3_NETLINK' },
} as const;

/** The sockets of a daemon, by the option that names each. */
export type SocketName = keyof typeof sockets;

/** Path where a daemon of this user listens by default: RING3_CONTROL or RING3_NETLINK, or a file in the runtime directory. */
export function ownSocket(name: SocketName, env: NodeJS.ProcessEnv = process.env): string {
  const { file, variable } = sockets[name];
  return env[variable] || join(defaultRuntimeDir(env), file);
}

/**
 * Path where a client finds a running daemon by default: that of this user's own daemon, or that of the system service (deploy/ring3.service) if
 * only the service has a socket.
 * @param serviceDir runtime directory of the system service
 */
export function socketInUse(name: SocketName, env: NodeJS.ProcessEnv = process.env, serviceDir = serviceRuntimeDir): string {
  const own = ownSocket(name, env);
  const { file, variable } = sockets[name];
  const ofService = join(serviceDir, file);
  return !env[variable] && !existsSync(own) && existsSync(ofService) ? ofService : own;
}
