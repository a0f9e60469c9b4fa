import { type Clock, FakeClock, type Log } from '@ring3/kit';
import { CaptureFeed, type CaptureOptions, type CapturePlace, type CaptureStatus } from './capture-feed.ts';
import type { Namespaces } from './namespaces.ts';

/** The namespace of captures that name none. */
export const captureNamespace = 'capture';
/** Captures that are played at a time. */
const mostCaptures = 16;

/** Dependencies of captures. */
export interface CapturesOptions {
  readonly namespaces: Namespaces;
  readonly clock: Clock;
  readonly log: Log;
  /** Called with each namespace that is created for a capture. */
  readonly made: (namespace: CapturePlace['namespace']) => void;
}

/** The captures that are played into namespaces. A namespace that is created for a capture has its time; others keep the time of the daemon. */
export class Captures {
  readonly #options: CapturesOptions;
  /** The last capture of each namespace. */
  readonly #feeds = new Map<string, CaptureFeed>();
  /** The clocks of namespaces that were created for captures. */
  readonly #times = new Map<string, FakeClock>();

  constructor(options: CapturesOptions) {
    this.#options = options;
  }

  /**
   * Opens a capture; `start` of the result plays it.
   * @param name of the namespace; it is created if it does not exist
   * @throws Error in one line if the file cannot be read or is not a capture, or another capture is played into the namespace
   */
  open(options: CaptureOptions, name: string = captureNamespace): CaptureFeed {
    const { clock, log } = this.#options;
    const playing = [...this.#feeds].filter(([, feed]) => !feed.status().ended);
    if (playing.some(([where]) => where === name))
      throw new Error(`a capture is being played into the namespace ${name}: name another one`);
    if (playing.length >= mostCaptures) throw new Error(`${mostCaptures} captures are being played: try again when one has ended`);
    const feed = new CaptureFeed(options, (startMs) => this.#place(name, startMs, options.checksums === true), clock, log);
    if (!this.#feeds.has(name)) feed.namespace.onClose(() => this.#forget(name));
    this.#feeds.set(name, feed);
    return feed;
  }

  /** The progress of the last capture of a namespace. */
  statusOf(name: string): CaptureStatus | undefined {
    return this.#feeds.get(name)?.status();
  }

  /** Stops all. The namespaces stay. */
  close(): void {
    for (const feed of this.#feeds.values()) feed.close();
  }

  #place(name: string, startMs: number, checksums: boolean): CapturePlace {
    const { namespaces, made } = this.#options;
    const existing = namespaces.find(name);
    if (existing !== undefined) {
      if (checksums)
        throw new Error(
          `the namespace ${name} exists: "ring3 sysctl --namespace ${name} set nf_conntrack_checksum=1" checks checksums there`,
        );
      return { namespace: existing.namespace, time: this.#times.get(name) };
    }
    const time = new FakeClock(startMs, startMs);
    const namespace = namespaces.add(name, { clock: time });
    const check = checksums ? 1 : 0;
    Object.assign(namespace.settings, { checksum: check, ipChecksum: check, snapped: 1, acct: 1 });
    this.#times.set(name, time);
    made(namespace);
    return { namespace, time };
  }

  #forget(name: string): void {
    this.#feeds.get(name)?.close();
    this.#feeds.delete(name);
    this.#times.delete(name);
  }
}
