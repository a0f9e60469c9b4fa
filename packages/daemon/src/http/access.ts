import { createHash, timingSafeEqual } from 'node:crypto';
import { hostPort } from '@ring3/kit';

/** Whether an address can be reached from this machine only. */
export const isLoopback = (address: string): boolean => /^(?:::ffff:)?127\./i.test(address) || address === '::1';

/**
 * The Host headers that a listener on loopback accepts. A page of another site can reach it by its own name that resolves to 127.0.0.1 (DNS
 * rebinding); then the header contains that name.
 */
export function ownHosts(address: string, port: number): ReadonlySet<string> {
  const names = ['localhost', '127.0.0.1', '::1', address.toLowerCase()].map((name) => hostPort(name, port));
  return new Set(port === 80 ? [...names, ...names.map((name) => name.slice(0, -':80'.length))] : names);
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether a header contains the token, RFC 6750 2.1. The comparison takes constant time. */
export function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = digest(token);
  return (authorization) => {
    const given = /^Bearer +(\S{1,512})$/i.exec(authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(digest(given), expected) && given !== '';
  };
}
