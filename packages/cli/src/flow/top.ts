import type { ConntrackEntry } from '@ring3/nfnetlink';
import { size } from '../human.ts';
import { type Column, Table } from '../table.ts';
import { flowColumns } from './columns.ts';
import { flowJson } from './json.ts';

/** A flow and its traffic since the previous list. */
interface Rated {
  readonly entry: ConntrackEntry;
  readonly bytes: bigint;
}

/** One list of flows. */
interface Turn {
  readonly busiest: readonly Rated[];
  readonly count: number;
  /** Bytes of all flows since the list before. */
  readonly total: bigint;
  /** Time since the list before; undefined for the first. */
  readonly seconds: number | undefined;
}

const bytesOf = ({ countersOrig, countersReply }: ConntrackEntry): bigint => (countersOrig?.bytes ?? 0n) + (countersReply?.bytes ?? 0n);
/** The id of a flow is unique while the flow exists. */
const keyOf = ({ id, zone, family }: ConntrackEntry): string => `${family}/${zone ?? 0}/${id ?? 0}`;

/** Computes the busiest flows from consecutive lists. */
export class Top {
  readonly #rows: number;
  #before: Map<string, bigint> | undefined;
  #at = 0;

  /** @param rows number of flows to show */
  constructor(rows: number) {
    this.#rows = rows;
  }

  /**
   * Adds the present list.
   * @returns the lines, ordered by bytes a second since the previous list, or by total bytes for the first list
   */
  async lines(flows: AsyncIterable<ConntrackEntry>, nowMs: number): Promise<string[]> {
    const { busiest, count, total, seconds } = await this.#turn(flows, nowMs);
    const rate = (bytes: bigint): string => (seconds === undefined ? size(Number(bytes)) : `${size(Number(bytes) / seconds)}/s`);
    const first: Column<Rated> = { head: seconds === undefined ? 'BYTES' : 'RATE', right: true, cell: (row) => rate(row.bytes) };
    const others = flowColumns
      .filter(({ head }) => head !== 'BYTES')
      .map(({ cell, ...column }): Column<Rated> => ({ ...column, cell: ({ entry }) => cell(entry) }));
    const table = new Table([first, ...others]);
    for (const row of busiest) table.add(row);
    return [`${count} flows, ${rate(total)}`, ...table.end()];
  }

  /**
   * Takes the list of this moment, for programs.
   * @returns `flows` (their number), `bytes` and `busiest` (each with its `bytes`, and the flow as `flow list --json` has it); since the list before,
   * `seconds` ago, or in all if `seconds` is absent
   */
  async object(flows: AsyncIterable<ConntrackEntry>, nowMs: number): Promise<object> {
    const { busiest, count, total, seconds } = await this.#turn(flows, nowMs);
    return {
      flows: count,
      bytes: Number(total),
      seconds,
      busiest: busiest.map(({ entry, bytes }) => ({ bytes: Number(bytes), flow: flowJson(entry) })),
    };
  }

  async #turn(flows: AsyncIterable<ConntrackEntry>, nowMs: number): Promise<Turn> {
    const seen = new Map<string, bigint>();
    const busiest: Rated[] = [];
    let count = 0;
    let total = 0n;
    for await (const entry of flows) {
      const bytes = bytesOf(entry);
      const key = keyOf(entry);
      const since = bytes - (this.#before === undefined ? 0n : (this.#before.get(key) ?? 0n));
      seen.set(key, bytes);
      count++;
      total += since;
      this.#keep(busiest, { entry, bytes: since });
    }
    const seconds = this.#before === undefined ? undefined : Math.max(0.001, (nowMs - this.#at) / 1000);
    this.#before = seen;
    this.#at = nowMs;
    return { busiest, count, total, seconds };
  }

  /** Inserts a flow in order and keeps the busiest. */
  #keep(busiest: Rated[], row: Rated): void {
    const last = busiest.at(-1);
    if (busiest.length === this.#rows && last !== undefined && last.bytes >= row.bytes) return;
    const at = busiest.findIndex(({ bytes }) => bytes < row.bytes);
    busiest.splice(at < 0 ? busiest.length : at, 0, row);
    if (busiest.length > this.#rows) busiest.pop();
  }
}
