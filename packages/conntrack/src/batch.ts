/** Maximum number of packets in a batch. */
export const batchSize = 32;

/** Packets of one buffer. The caller fills the arrays up to `count`; `trackBatch` fills `answers`. */
export class Batch {
  view: DataView;
  /** Offset of each IP header. */
  readonly offsets: Float64Array = new Float64Array(batchSize);
  /** Number of captured bytes from the IP header on. */
  readonly lengths: Int32Array = new Int32Array(batchSize);
  /** Original length of the packet from the IP header on, for packets whose header has length 0; 0: such packets are dropped. */
  readonly wholes: Int32Array = new Int32Array(batchSize);
  /** Milliseconds. */
  readonly times: Float64Array = new Float64Array(batchSize);
  readonly answers: Int32Array = new Int32Array(batchSize);
  /** At most `batchSize`. */
  count = 0;
  /** Name of the interface that received all of them. */
  ingress = '';

  constructor(view: DataView) {
    this.view = view;
  }
}
