import { type Capture, openCapture } from '@ring3/capture';
import { Batch, type Namespace } from '@ring3/conntrack';
import { type Clock, FakeClock, type Log, type Timer } from '@ring3/kit';
import { DecodeError } from '@ring3/wire';
import type { Namespaces } from './namespaces.ts';

/** A capture that is played into a namespace of its own. */
export interface CaptureOptions {
  /** A pcap or pcapng file. */
  readonly path: string;
  /** How many times as fast as its packets came; as fast as possible unless given. */
  readonly speed?: number | undefined;
  /** Whether packets with wrong checksums are invalid: captures of hosts that leave them to the network card have many. */
  readonly checksums?: boolean;
}

/** How far a capture has been played. */
export interface CaptureStatus {
  readonly path: string;
  /** Packets that were read, and those among them that carry no IP. */
  readonly packets: number;
  readonly notIp: number;
  /** Milliseconds since 1970: the time of its last packet. */
  readonly time: number;
  readonly ended: boolean;
  /** Why it ended before its end. */
  readonly damage?: string;
}

/** The namespace that a capture is played into. */
export const captureNamespace = 'capture';
/** No turn works longer for it, in milliseconds. */
const turnMs = 2;
/** How often packets are due when the capture is paced, in milliseconds. */
const stepMs = 10;

/**
 * Plays a capture through the tracker of a namespace whose clock is the capture's: it stands at the time of the last packet, and at the end stays there.
 * Packets that an interface cut short are tracked, and bytes are counted.
 */
export class CaptureFeed {
  readonly namespace: Namespace;
  /** Resolves when the last packet was played, or the feed was closed. */
  readonly ended: Promise<void>;
  readonly #options: CaptureOptions;
  readonly #capture: Capture;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #batch = new Batch(new DataView(new ArrayBuffer(0)));
  /** The capture's own time. */
  readonly #time: FakeClock;
  /** The next packet of the batch. */
  #at = 0;
  #timer: Timer | NodeJS.Immediate | undefined;
  #damage: string | undefined;
  #finish: () => void = () => {};
  #over = false;

  /** Opens the file and makes the namespace `capture`. @throws Error, DecodeError: the file cannot be opened, or is no capture */
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

  /** Begins to play. */
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

  /** Ends it where it is. The namespace stays. */
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

  /** The next packets; times never go back, as those of several interfaces do a little. */
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
    const { packets, notIp } = this.#capture;
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
