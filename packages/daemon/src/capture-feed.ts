import { type Capture, openCapture } from '@ring3/capture';
import { Batch, type Namespace } from '@ring3/conntrack';
import type { Clock, FakeClock, Log, Timer } from '@ring3/kit';
import { locate } from '@ring3/linux';
import { DecodeError } from '@ring3/wire';

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

/** The place of a capture: a namespace, and its clock if the clock shows the time of the capture. */
export interface CapturePlace {
  readonly namespace: Namespace;
  /** Undefined: the namespace has the time of the daemon, and packets count as if they arrived now. */
  readonly time: FakeClock | undefined;
}

/** What a capture has added to the statistics of its namespace. */
export interface CaptureCounts {
  /** Flows in the table now. */
  readonly flows: number;
  /** Flows that were inserted. */
  readonly inserted: number;
  /** Packets that are not tracked. */
  readonly invalid: number;
  /** Packets that were dropped: the table was full. */
  readonly dropped: number;
}

/** Unknown link types that are named; a hostile file may have 65,536. */
const mostLinkTypes = 8;
/** Maximum work in one turn of the event loop, milliseconds. */
const turnMs = 2;
/** Interval between batches of a paced capture, milliseconds. */
const stepMs = 10;

/**
 * Plays a capture through the tracker of a namespace. If the namespace has the time of the capture, its clock shows the time of the last
 * packet, also after the end; a capture that begins before that time is shifted to it. Packets that were truncated by the snapshot length
 * are tracked, and their full lengths are counted.
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
  /** The time of the capture, if the namespace has it. */
  readonly #time: FakeClock | undefined;
  /** Milliseconds that are added to the times of the packets. */
  #shift = 0;
  /** The time of the last packet, and of the last packet of the batch. */
  #last = 0;
  #filled = 0;
  readonly #before: Readonly<Record<'entered' | 'invalid' | 'error' | 'drop', number>>;
  /** The next packet of the batch. */
  #at = 0;
  #timer: Timer | NodeJS.Immediate | undefined;
  #damage: string | undefined;
  #finish: () => void = () => {};
  #over = false;

  /**
   * Opens the file.
   * @param place finds or creates the namespace, from the time of the first packet (milliseconds since 1970)
   * @throws Error in one line if the file cannot be opened or is not a capture; the errors of `place`
   */
  constructor(options: CaptureOptions, place: (startMs: number) => CapturePlace, clock: Clock, log: Log) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log.child({ capture: options.path });
    this.#capture = open(options.path);
    try {
      this.#fill();
      const start = this.#batch.count > 0 ? (this.#batch.times[0] as number) : 0;
      const { namespace, time } = place(start);
      this.namespace = namespace;
      this.#time = time;
      this.#shift = time === undefined ? clock.now() - start : Math.max(0, time.now() - start);
      this.#last = start + this.#shift;
      this.#filled += this.#shift;
      for (let i = 0; i < this.#batch.count; i++) this.#batch.times[i] = (this.#batch.times[i] as number) + this.#shift;
    } catch (error) {
      this.#capture[Symbol.dispose]();
      throw error;
    }
    this.#before = { ...this.namespace.flows.statistics };
    this.ended = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Starts to play. */
  start(): void {
    const { speed } = this.#options;
    if (speed === undefined) this.#playFast();
    else this.#playPaced(speed, this.#clock.now(), this.#last);
  }

  status(): CaptureStatus {
    const { packets, notIp } = this.#capture;
    const damage = this.#damage === undefined ? {} : { damage: this.#damage };
    return { path: this.#options.path, packets, notIp, time: this.#last - this.#shift, ended: this.#over, ...damage };
  }

  /** What the capture has changed so far. */
  counts(): CaptureCounts {
    const { entered, invalid, error, drop } = this.namespace.flows.statistics;
    const before = this.#before;
    return {
      flows: this.namespace.flowCount,
      inserted: entered - before.entered,
      invalid: invalid + error - before.invalid - before.error,
      dropped: drop - before.drop,
    };
  }

  /** Stops. The namespace stays. */
  close(): void {
    if (this.#timer !== undefined) 'clear' in this.#timer ? this.#timer.clear() : clearImmediate(this.#timer);
    if (!this.#over) this.#end();
  }

  #playFast(): void {
    const { tracker } = this.namespace;
    const until = performance.now() + turnMs;
    const batch = this.#batch;
    while (batch.count > 0) {
      const last = batch.times[batch.count - 1] as number;
      if (this.#time === undefined) batch.times.fill(this.#clock.now(), 0, batch.count);
      tracker.trackBatch(batch);
      this.#moveTo(last);
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
      const now = this.#time === undefined ? this.#clock.now() : time;
      tracker.track(batch.view, batch.offsets[at]!, batch.lengths[at]!, now, batch.ingress, false, batch.wholes[at]!);
      this.#moveTo(time);
      if (this.#at === batch.count) this.#fill();
    }
    if (batch.count === 0) {
      this.#finished();
      return;
    }
    if (this.#time !== undefined) {
      this.#moveTo(Math.min(due, batch.times[this.#at] as number));
      tracker.flows.advance(this.#time.now());
    }
    this.#timer = this.#clock.after(stepMs, () => this.#playPaced(speed, began, first));
  }

  #moveTo(time: number): void {
    this.#last = time;
    this.#time?.advance(Math.max(0, time - this.#time.now()));
  }

  /** The next packets. Timestamps of several interfaces may go back a little; the times here do not. */
  #fill(): void {
    const batch = this.#batch;
    this.#at = 0;
    let last = this.#filled;
    try {
      this.#capture.fill(batch);
    } catch (error) {
      batch.count = 0;
      this.#damage = (error as Error).message;
    }
    for (let i = 0; i < batch.count; i++) last = batch.times[i] = Math.max(last, (batch.times[i] as number) + this.#shift);
    this.#filled = last;
  }

  #finished(): void {
    this.#end();
    const { packets, notIp, unknownLinkTypes } = this.#capture;
    for (const linkType of [...unknownLinkTypes].slice(0, mostLinkTypes))
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
  if (!locate(path).responds) throw new Error(`${path} is on a file system that may not respond: copy it to a local one`);
  try {
    return openCapture(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new Error(`${path} does not exist`, { cause: error });
    if (code !== undefined) throw new Error(`${path} cannot be read by this ring3 (${code})`, { cause: error });
    throw error instanceof DecodeError ? new Error(`${path}: ${message}`, { cause: error }) : error;
  }
}
