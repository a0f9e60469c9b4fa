/** An open through which data is written: Open implements it. */
interface WrittenOpen {
  readonly clientKey: string;
  readonly dataParentId: string | undefined;
  /** Its entry here. */
  writtenIn: string | undefined;
}

/**
 * The directories in which a client has files open that it has written. It gets no lease of such a directory: with one, Linux
 * 6.1 lists the directory from its cache, which has other times of the file than those that the client has set (decision 0114).
 */
export class WrittenDirectories {
  readonly #counts = new Map<string, number>();

  get size(): number {
    return this.#counts.size;
  }

  /** The first data was written through an open. */
  add(open: WrittenOpen): void {
    if (open.dataParentId === undefined) return;
    const key = open.clientKey + open.dataParentId;
    open.writtenIn = key;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** An open is closed. */
  remove(open: WrittenOpen): void {
    const key = open.writtenIn;
    if (key === undefined) return;
    open.writtenIn = undefined;
    const count = (this.#counts.get(key) ?? 0) - 1;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }

  has(clientKey: string, directoryId: string): boolean {
    return this.#counts.has(clientKey + directoryId);
  }
}
