import { readFileSync } from 'node:fs';
import { hostPort } from '@ring3/kit';

/** The lowest port that every user may listen on: ip(7), ip_unprivileged_port_start. */
function firstFreePort(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'latin1'));
  } catch {
    return 1024; // not Linux, or /proc is not mounted
  }
}

/** Whether only root (or CAP_NET_BIND_SERVICE) may listen on a port. */
export const isPrivileged = (port: number): boolean => port > 0 && port < firstFreePort();

/** What a user can do about a port that only root may listen on. */
export const lowPortAdvice = (port: number): string =>
  `let systemd listen (ring3 install-service), start ring3 as root with --as USER, or allow it to every user: sysctl net.ipv4.ip_unprivileged_port_start=${port}`;

/** What a user can do about a port that is in use. @param option that chooses another one */
export const usedPortAdvice = (port: number, option = '--port'): string =>
  `"ss -ltnp sport = :${port}" shows it${port === 445 ? ' (Samba: systemctl stop smbd)' : ''}; stop it, or choose another port with ${option}`;

const reasons: Readonly<Record<string, (host: string, port: number, option?: string) => string>> = {
  EACCES: (_host, port) => `this user may not use ports below ${firstFreePort()}: ${lowPortAdvice(port)}`,
  EADDRINUSE: (_host, port, option) => `another program listens there: ${usedPortAdvice(port, option)}`,
  EADDRNOTAVAIL: (host) =>
    `${host} is not an address of this machine: "ip address" lists them, 0.0.0.0 stands for all of IPv4 and :: for all`,
  ENOTFOUND: (host) =>
    host.startsWith('[')
      ? `an IPv6 address is written without brackets here: ${host.replace(/^\[|\]$/g, '')}`
      : `the host name ${host} is not known: use an address, such as 0.0.0.0 for all of IPv4`,
  EAI_AGAIN: (host) => `the host name ${host} cannot be looked up now: use an address, such as 0.0.0.0 for all of IPv4`,
  EINVAL: (host) => `${host} needs the name of its interface, such as fe80::1%eth0`,
};

/**
 * Why a server cannot listen, in one line with advice.
 * @param code name of the errno, or of the error of getaddrinfo(3)
 * @param option of the command line that chooses the port
 */
export const listenFault = (host: string, port: number, code: string, option?: string): string =>
  `cannot listen on ${port === 0 ? host : hostPort(host, port)}: ${reasons[code]?.(host, port, option) ?? code}`;
