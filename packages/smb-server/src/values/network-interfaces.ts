/** One address of a network interface of the server, on which it accepts connections. MS-SMB2 2.2.32.5. */
export interface NetworkInterface {
  /** The index of the interface: the same for all of its addresses, above 0. */
  readonly index: number;
  readonly address: string;
  readonly family: 'IPv4' | 'IPv6';
  /** Bits per second. */
  readonly speed: number;
}
