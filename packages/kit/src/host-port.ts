/** An address and a port as one text: `192.0.2.7:445`, `[2001:db8::1]:445` (RFC 3986 section 3.2.2, RFC 5952 section 6). */
export const hostPort = (host: string, port: number | string): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
