/** 100-nanosecond ticks between 1601-01-01 and 1970-01-01. */
const epoch = 116_444_736_000_000_000n;
const epochMs = 11_644_473_600_000;

/** FILETIME (MS-DTYP 2.3.3) of a time in ns since 1970. Times before 1601 become 0, which means none; the value is truncated to 100 ns. */
export const filetimeFromNs = (ns: bigint): bigint => {
  const ticks = ns >= 0n ? ns / 100n : -((-ns + 99n) / 100n);
  const filetime = ticks + epoch;
  return filetime < 0n ? 0n : BigInt.asUintN(64, filetime);
};

/** Time in ns since 1970 of a FILETIME, exactly. */
export const filetimeToNs = (filetime: bigint): bigint => (filetime - epoch) * 100n;

/** FILETIME of a time in (fractional) ms since 1970. */
export const filetimeFromMs = (ms: number): bigint => {
  const whole = Math.floor(ms);
  const filetime = BigInt(whole) * 10_000n + BigInt(Math.floor((ms - whole) * 10_000)) + epoch;
  return filetime < 0n ? 0n : filetime;
};

/** Time in ms since 1970 of a FILETIME, rounded down. */
export const filetimeToMs = (filetime: bigint): number => Number(filetime / 10_000n) - epochMs;
