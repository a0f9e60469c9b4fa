/** Packets that are taken through the tracker at once. */
export const batchSize = 32;

/** Some packets of one buffer, filled by the caller up to `count`; `answers` are filled by `trackBatch`. */
export class Batch {
  view: DataView;
  /** Where each IP header starts. */
  readonly offsets: Float64Array = new Float64Array(batchSize);
  /** Bytes from there on. */
  readonly lengths: Int32Array = new Int32Array(batchSize);
  /** Bytes that the packet had from there on before it was captured, for packets whose header says 0; 0: such packets are dropped. */
  readonly wholes: Int32Array = new Int32Array(batchSize);
  /** Milliseconds. */
  readonly times: Float64Array = new Float64Array(batchSize);
  readonly answers: Int32Array = new Int32Array(batchSize);
  /** At most `batchSize`. */
  count = 0;
  /** The interface that all of them came in by. */
  ingress = '';

  constructor(view: DataView) {
    this.view = view;
  }
}
