import type { DefaultTimeouts } from './default-timeouts.ts';
import type { Timeouts } from './engine.ts';
import type { Settings } from './settings.ts';

/** One setting. `read` returns its value as text; `write` returns false if the value is out of range. */
interface Setting {
  read(): string;
  write?(value: number): boolean;
}

/** The table and index of each timeout. TCP's SYN_SENT2 and SCTP's last have no setting. */
const timeoutNames: Readonly<Record<string, readonly [Exclude<keyof DefaultTimeouts, 'table'>, number]>> = {
  generic_timeout: ['generic', 0],
  gre_timeout: ['gre', 0],
  gre_timeout_stream: ['gre', 1],
  icmp_timeout: ['icmp', 0],
  icmpv6_timeout: ['icmpv6', 0],
  sctp_timeout_closed: ['sctp', 0],
  sctp_timeout_cookie_wait: ['sctp', 1],
  sctp_timeout_cookie_echoed: ['sctp', 2],
  sctp_timeout_established: ['sctp', 3],
  sctp_timeout_shutdown_sent: ['sctp', 4],
  sctp_timeout_shutdown_recd: ['sctp', 5],
  sctp_timeout_shutdown_ack_sent: ['sctp', 6],
  sctp_timeout_heartbeat_sent: ['sctp', 7],
  tcp_timeout_syn_sent: ['tcp', 0],
  tcp_timeout_syn_recv: ['tcp', 1],
  tcp_timeout_established: ['tcp', 2],
  tcp_timeout_fin_wait: ['tcp', 3],
  tcp_timeout_close_wait: ['tcp', 4],
  tcp_timeout_last_ack: ['tcp', 5],
  tcp_timeout_time_wait: ['tcp', 6],
  tcp_timeout_close: ['tcp', 7],
  tcp_timeout_max_retrans: ['tcp', 9],
  tcp_timeout_unacknowledged: ['tcp', 10],
  udp_timeout: ['udp', 0],
  udp_timeout_stream: ['udp', 1],
};

/** The numeric settings: field of `Settings` and largest value. */
const numberNames: Readonly<Record<string, readonly [keyof Settings, number]>> = {
  acct: ['acct', 1],
  checksum: ['checksum', 1],
  events: ['events', 2],
  expect_max: ['expectMax', 0x7fffffff],
  frag6_high_thresh: ['fragHighThreshold', Number.MAX_SAFE_INTEGER],
  max: ['max', 0x7fffffff],
  tcp_be_liberal: ['tcpBeLiberal', 1],
  tcp_ignore_invalid_rst: ['tcpIgnoreInvalidRst', 1],
  tcp_loose: ['tcpLoose', 1],
  tcp_max_retrans: ['tcpMaxRetrans', 255],
  timestamp: ['timestamp', 1],
};

/** The full names of the writable settings: `nf_conntrack_max`. */
export const sysctlNames: readonly string[] = [...Object.keys(timeoutNames), ...Object.keys(numberNames), 'frag6_timeout']
  .sort()
  .map((name) => `nf_conntrack_${name}`);

const prefixes = ['net.netfilter.nf_conntrack_', 'net/netfilter/nf_conntrack_', 'nf_conntrack_'];
/** The largest number of ticks that a file accepts. */
const maxTicks = 0x7fffffff;

/**
 * The settings of a namespace under the names of `/proc/sys/net/netfilter` (Documentation/networking/nf_conntrack-sysctl):
 * `nf_conntrack_max` or `net.netfilter.nf_conntrack_max`. Values are text, as in the files.
 */
export class Sysctls {
  readonly #settings = new Map<string, Setting>();

  /** @param count current number of flows @param mayHold grows the table to a number of flows; false if that is impossible */
  constructor(timeouts: DefaultTimeouts, settings: Settings, hz: number, count: () => number, mayHold: (flows: number) => boolean) {
    for (const [name, [table, index]] of Object.entries(timeoutNames)) this.#settings.set(name, timeoutSetting(timeouts[table], index, hz));
    for (const [name, [field, most]] of Object.entries(numberNames)) {
      this.#settings.set(name, {
        read: () => String(settings[field]),
        write: (value) => {
          if (value < 0 || value > most) return false;
          if (field === 'max' && !mayHold(value)) return false;
          settings[field] = value;
          return true;
        },
      });
    }
    this.#settings.set('frag6_timeout', {
      read: () => String(Math.trunc(settings.fragTimeoutMs / 1000)),
      write: (value) => {
        if (value < 0 || value * hz > maxTicks) return false;
        settings.fragTimeoutMs = value * 1000;
        return true;
      },
    });
    this.#settings.set('count', { read: () => String(count()) });
  }

  /** The names from `nf_conntrack_` on, sorted. */
  names(): string[] {
    return [...this.#settings.keys()].sort().map((name) => `nf_conntrack_${name}`);
  }

  /** @returns the value, or undefined for an unknown name */
  get(name: string): string | undefined {
    return this.#settings.get(bare(name))?.read();
  }

  /** @returns undefined if it was set, or the reason of the rejection: unknown name, read-only, invalid value */
  set(name: string, text: string): 'unknown' | 'readOnly' | 'invalid' | undefined {
    const setting = this.#settings.get(bare(name));
    if (setting === undefined) return 'unknown';
    if (setting.write === undefined) return 'readOnly';
    const value = /^\s*([-+]?(?:0x[0-9a-f]+|\d+))(?:\s|$)/i.exec(text)?.[1];
    return value !== undefined && setting.write(numberOf(value)) ? undefined : 'invalid';
  }
}

const bare = (name: string): string => {
  const prefix = prefixes.find((candidate) => name.startsWith(candidate));
  return prefix === undefined ? name : name.slice(prefix.length);
};

/** Decimal, hexadecimal with prefix 0x, or octal with prefix 0. */
function numberOf(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[-+]/, '');
  const octal = /^0[0-7]+$/.test(digits);
  return sign * (octal ? Number.parseInt(digits, 8) : Number(digits));
}

/**
 * A timeout in seconds. Ticks are used as unsigned and displayed as signed numbers, so a value that DEFAULT_SET wrapped reads as negative.
 */
const timeoutSetting = (table: Timeouts, index: number, hz: number): Setting => ({
  read: () => {
    const ticks = (table[index] as number) | 0;
    return ticks < 0 ? `-${Math.trunc(-ticks / hz)}` : String(Math.trunc(ticks / hz));
  },
  write: (value) => {
    if (Math.abs(value) * hz > maxTicks) return false;
    table[index] = value * hz;
    return true;
  },
});
