/** The timestamp format of an interface: units per second, and an offset in seconds. */
export interface Resolution {
  readonly unitsPerSecond: number;
  readonly offsetSeconds: number;
}

/** The units per second of an `if_tsresol` option: 10^-n, or 2^-n if the upper bit is set. draft-ietf-opsawg-pcapng section 4.2. */
export const unitsPerSecond = (resolution: number): number =>
  (resolution & 0x80) !== 0 ? 2 ** (resolution & 0x7f) : 10 ** (resolution & 0x7f);

/** Up to this value the 64 bits are divided in parts that a number represents exactly. */
const dividesInParts = 2 ** 37;
const highFits = 1 << 21;

/** Splits a 64-bit timestamp into seconds and nanoseconds, exactly (rounded down). */
export class Timestamp {
  seconds = 0;
  nanoseconds = 0;

  set(high: number, low: number, { unitsPerSecond: units, offsetSeconds }: Resolution): void {
    if (units > dividesInParts) {
      this.#setWide(high, low, BigInt(units));
    } else if (high < highFits) {
      const whole = high * 4294967296 + low;
      this.seconds = Math.floor(whole / units);
      this.#fraction(whole - this.seconds * units, units);
    } else {
      // long division, sixteen bits at a time
      const first = Math.floor(high / units);
      const middle = (high - first * units) * 65536 + (low >>> 16);
      const second = Math.floor(middle / units);
      const last = (middle - second * units) * 65536 + (low & 0xffff);
      const third = Math.floor(last / units);
      this.seconds = first * 4294967296 + second * 65536 + third;
      this.#fraction(last - third * units, units);
    }
    this.seconds += offsetSeconds;
  }

  #fraction(rest: number, units: number): void {
    // below 2^23 units the product is exact; powers of ten below 10^9 divide evenly
    if (units <= 1e9 && 1e9 % units === 0) this.nanoseconds = rest * (1e9 / units);
    else this.nanoseconds = Number((BigInt(rest) * 1_000_000_000n) / BigInt(units));
  }

  #setWide(high: number, low: number, units: bigint): void {
    const whole = (BigInt(high) << 32n) | BigInt(low);
    this.seconds = Number(whole / units);
    this.nanoseconds = Number(((whole % units) * 1_000_000_000n) / units);
  }
}
