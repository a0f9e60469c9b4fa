/** Win32 error codes that operations return, MS-ERREF 2.2, and NERR_* of MS-SRVS 2.2.2.10. */
export const WinError = { Success: 0, InvalidParameter: 87, InvalidLevel: 124, MoreData: 234, NetNameNotFound: 2310 } as const;

/** PLATFORM_ID_NT, MS-SRVS 2.2.2.6. */
export const platformNt = 500;
/** The reported version: Windows 10 and its servers, as clients of SMB 3 expect it. */
export const versionMajor = 10;
export const versionMinor = 0;
