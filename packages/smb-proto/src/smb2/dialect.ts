/** DialectRevision, MS-SMB2 2.2.3 and 2.2.4. `Wildcard` is the server's answer to SMB1's multi-protocol negotiate alone. */
export const Dialect = { Smb202: 0x0202, Smb21: 0x0210, Smb30: 0x0300, Smb302: 0x0302, Smb311: 0x0311, Wildcard: 0x02ff } as const;
export type Dialect = (typeof Dialect)[keyof typeof Dialect];
