import { once } from 'node:events';

interface Answer {
  readonly id: number;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** Inspects another Node.js process that was started with `--inspect`, with the Chrome DevTools protocol. */
export class Inspector implements Disposable {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #next = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** @param url `ws://…`, as the process prints it when it starts */
  static async attach(url: string): Promise<Inspector> {
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new Inspector(socket);
  }

  async #ask(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.#next++;
    const answered = new Promise<Answer>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method, params }));
    const { result = {}, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  async #run(expression: string, returnByValue: boolean): Promise<{ readonly value?: unknown; readonly objectId?: string }> {
    const { result, exceptionDetails } = await this.#ask('Runtime.evaluate', {
      expression,
      returnByValue,
      awaitPromise: true,
      objectGroup: 'looked-at',
    });
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result as { readonly value?: unknown; readonly objectId?: string };
  }

  /** The value of an expression there; a promise is awaited. It must be JSON. */
  async evaluate<T>(expression: string): Promise<T> {
    return (await this.#run(expression, true)).value as T;
  }

  /** Number of live objects with this prototype, after a garbage collection. @param prototype an expression */
  async alive(prototype: string): Promise<number> {
    const { objectId } = await this.#run(prototype, false);
    const { objects } = (await this.#ask('Runtime.queryObjects', { prototypeObjectId: objectId, objectGroup: 'looked-at' })) as {
      readonly objects: { readonly objectId: string };
    };
    const counted = await this.#ask('Runtime.callFunctionOn', {
      objectId: objects.objectId,
      functionDeclaration: 'function () { return this.length; }',
      returnByValue: true,
    });
    await this.#ask('Runtime.releaseObjectGroup', { objectGroup: 'looked-at' });
    return (counted['result'] as { readonly value: number }).value;
  }

  /** Used bytes of the JavaScript heap, after a garbage collection. */
  async heapUsed(): Promise<number> {
    await this.#ask('HeapProfiler.collectGarbage');
    return (await this.#ask('Runtime.getHeapUsage'))['usedSize'] as number;
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
