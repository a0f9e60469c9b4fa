import { type Capture, openCapture } from '@ring3/capture';
import { Batch, type Namespace } from '@ring3/conntrack';
import { type Clock, FakeClock, type Log, type Timer } from '@ring3/kit';
import { DecodeError } from '@ring3/wire';
import type { Namespaces } from './namespaces.ts';

/** A capture that is played into a separate namespace. */
export interface CaptureOptions {
  /** A pcap or pcapng file. */
  readonly path: string;
  /** Speed relative to the timestamps of the packets; default: as fast as possible. */
  readonly speed?: number | undefined;
  /** Whether packets with wrong checksums are invalid. Captures on hosts with checksum offload have many. */
  readonly checksums?: boolean;
}

/** The progress of a capture. */
export interface CaptureStatus {
  readonly path: string;
  /** Packets that were read, and packets among them that are not IP. */
  readonly packets: number;
  readonly notIp: number;
  /** The time of the last packet, milliseconds since 1970. */
  readonly time: number;
  readonly ended: boolean;
  /** Why it ended early. */
  readonly damage?: string;
}

/** The namespace that a capture is played into. */
export const captureNamespace = 'capture';
/** Maximum work in one turn of the event loop, milliseconds. */
const turnMs = 2;
/** Interval between batches of a paced capture, milliseconds. */
const stepMs = 10;

/**
 * Plays a capture through the tracker of a namespace. The clock of the namespace shows the time of the last packet, also after the end.
 * Packets that were truncated by the snapshot length are tracked, and their full lengths are counted.
 */
export class CaptureFeed {
  readonly namespace: Namespace;
  /** Resolves when the last packet has been played or the feed is closed. */
  readonly ended: Promise<void>;
  readonly #options: CaptureOptions;
  readonly #capture: Capture;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #batch = new Batch(new DataView(new ArrayBuffer(0)));
  /** The time of the capture. */
  readonly #time: FakeClock;
  /** The next packet of the batch. */
  #at = 0;
  #timer: Timer | NodeJS.Immediate | undefined;
  #damage: string | undefined;
  #finish: () => void = () => {};
  #over = false;

  /** Opens the file and creates the namespace `capture`. @throws Error if the file cannot be opened, DecodeError if it is not a capture */
  constructor(options: CaptureOptions, namespaces: Namespaces, clock: Clock, log: Log) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log.child({ capture: options.path });
    this.#capture = open(options.path);
    this.#fill();
    const start = this.#batch.count > 0 ? (this.#batch.times[0] as number) : 0;
    this.#time = new FakeClock(start, start);
    this.namespace = namespaces.add(captureNamespace, { clock: this.#time });
    const checksums = options.checksums === true ? 1 : 0;
    Object.assign(this.namespace.settings, { checksum: checksums, ipChecksum: checksums, snapped: 1, acct: 1 });
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Starts to play. */
  start(): void {
    const { speed } = this.#options;
    if (speed === undefined) this.#playFast();
    else this.#playPaced(speed, this.#clock.now(), this.#time.now());
  }

  status(): CaptureStatus {
    const { packets, notIp } = this.#capture;
    const damage = this.#damage === undefined ? {} : { damage: this.#damage };
    return { path: this.#options.path, packets, notIp, time: this.#time.now(), ended: this.#over, ...damage };
  }

  /** Stops. The namespace stays. */
  close(): void {
    if (this.#timer !== undefined) 'clear' in this.#timer ? this.#timer.clear() : clearImmediate(this.#timer);
    if (!this.#over) this.#end();
  }

  #playFast(): void {
    const { tracker } = this.namespace;
    const until = performance.now() + turnMs;
    while (this.#batch.count > 0) {
      tracker.trackBatch(this.#batch);
      this.#moveTo(this.#batch.times[this.#batch.count - 1] as number);
      this.#fill();
      if (performance.now() < until) continue;
      this.#timer = setImmediate(() => this.#playFast());
      return;
    }
    this.#finished();
  }

  /** @param began when the first packet was played @param first the capture's time then */
  #playPaced(speed: number, began: number, first: number): void {
    const { tracker } = this.namespace;
    const batch = this.#batch;
    const due = first + (this.#clock.now() - began) * speed;
    const until = performance.now() + turnMs;
    while (batch.count > 0 && (batch.times[this.#at] as number) <= due && performance.now() < until) {
      const at = this.#at++;
      const time = batch.times[at]!;
      tracker.track(batch.view, batch.offsets[at]!, batch.lengths[at]!, time, batch.ingress, false, batch.wholes[at]!);
      this.#moveTo(time);
      if (this.#at === batch.count) this.#fill();
    }
    if (batch.count === 0) {
      this.#finished();
      return;
    }
    this.#moveTo(Math.min(due, batch.times[this.#at] as number));
    tracker.advance(this.#time.now());
    this.#timer = this.#clock.after(stepMs, () => this.#playPaced(speed, began, first));
  }

  #moveTo(time: number): void {
    this.#time.advance(Math.max(0, time - this.#time.now()));
  }

  /** The next packets. Timestamps of several interfaces may go back a little; the times here do not. */
  #fill(): void {
    const batch = this.#batch;
    this.#at = 0;
    let last = this.#time?.now() ?? 0;
    try {
      this.#capture.fill(batch);
    } catch (error) {
      batch.count = 0;
      this.#damage = (error as Error).message;
    }
    for (let i = 0; i < batch.count; i++) last = batch.times[i] = Math.max(last, batch.times[i] as number);
  }

  #finished(): void {
    this.#end();
    const { packets, notIp, unknownLinkTypes } = this.#capture;
    for (const linkType of unknownLinkTypes)
      this.#log.warn('the capture has a link type that is not known: its packets were skipped', { linkType });
    const said = { packets, notIp, flows: this.namespace.flowCount };
    if (this.#damage === undefined) this.#log.info('the capture has been played', said);
    else this.#log.warn('the capture is damaged: the packets before the damage were played', { ...said, damage: this.#damage });
  }

  #end(): void {
    this.#over = true;
    this.#capture[Symbol.dispose]();
    this.#finish();
  }
}

function open(path: string): Capture {
  try {
    return openCapture(path);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new Error(`${path}: ${error.message}`, { cause: error });
  }
}
