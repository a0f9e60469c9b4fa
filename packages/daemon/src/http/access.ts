import { createHash, timingSafeEqual } from 'node:crypto';
import { hostPort } from '@ring3/kit';

/** Whether only programs on this machine reach an address. */
export const isLoopback = (address: string): boolean => /^(?:::ffff:)?127\./i.test(address) || address === '::1';

/**
 * The Host headers that a listener on loopback answers to. A page of another site reaches it by a name of its own that resolves to 127.0.0.1 (DNS rebinding);
 * such a name then stands here.
 */
export function ownHosts(address: string, port: number): ReadonlySet<string> {
  const names = ['localhost', '127.0.0.1', '::1', address.toLowerCase()].map((name) => hostPort(name, port));
  return new Set(port === 80 ? [...names, ...names.map((name) => name.slice(0, -':80'.length))] : names);
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Whether a header carries the token, RFC 6750 2.1; however it differs, the comparison takes the same time. */
export function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = digest(token);
  return (authorization) => {
    const given = /^Bearer +(\S{1,512})$/i.exec(authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(digest(given), expected) && given !== '';
  };
}
