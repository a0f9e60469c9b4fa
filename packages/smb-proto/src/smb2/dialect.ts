/** DialectRevision, MS-SMB2 2.2.3 and 2.2.4. `Wildcard` is used only in the response to SMB1's multi-protocol negotiate. */
export const Dialect = { Smb202: 0x0202, Smb21: 0x0210, Smb30: 0x0300, Smb302: 0x0302, Smb311: 0x0311, Wildcard: 0x02ff } as const;
export type Dialect = (typeof Dialect)[keyof typeof Dialect];

/** The dialects that can be negotiated, lowest first, by their common names. */
export const dialects = {
  '2.0.2': Dialect.Smb202,
  '2.1': Dialect.Smb21,
  '3.0': Dialect.Smb30,
  '3.0.2': Dialect.Smb302,
  '3.1.1': Dialect.Smb311,
} as const;
export type DialectName = keyof typeof dialects;
