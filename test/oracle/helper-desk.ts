/** Runs the actions of recorded cases on helpers, their queue and ctnetlink on a namespace of ring3. */
import { Buffer } from 'node:buffer';
import { EventBit, Family, type HeldPacket, type Namespace, readFlow, Status } from '@ring3/conntrack';

/** Words of the form name=value; `None` means absent. */
function options(words: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const word of words) {
    const [name = '', value] = word.split('=');
    if (value !== undefined && value !== 'None') found.set(name, value);
  }
  return found;
}

const numberOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

/** The helper's side of one case. */
export class HelperDesk {
  readonly #namespace: Namespace;
  #queue = -1;
  #waiting: HeldPacket[] = [];
  #unread: HeldPacket[] = [];

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  /** `NEW|update|DEL NAME …`. @returns the errors' names, 0 for none */
  helper([verb = '', name = '', ...words]: string[]): unknown {
    const { host, profile } = this.#namespace;
    const given = options(words);
    if (verb === 'DEL') return [host.helpers.delete(name === '(flush)' ? undefined : name, undefined, profile) ?? 0];
    const known = host.helpers.matching(name, undefined)[0];
    const l4 = numberOf(given.get('l4')) ?? known?.l4 ?? 17;
    const count = numberOf(given.get('classes'));
    const classes =
      count === undefined
        ? undefined
        : Array.from({ length: count }, (_, i) => ({
            name: `ex${i}`,
            max: Number(given.get('max') ?? 1),
            timeoutSeconds: Number(given.get('timeout') ?? 0),
          }));
    const request = {
      name,
      l3num: Family.Ipv4,
      l4,
      classes,
      privateLength: numberOf(given.get('priv')),
      queueNumber: numberOf(given.get('queue')),
      status: numberOf(given.get('status')),
    };
    const result = host.helpers.set(request, false, profile);
    return [typeof result === 'string' ? result : 0];
  }

  /** `binds queue N`, `reads`, `closes`. */
  listener([verb, , number]: string[]): unknown {
    const held = this.#namespace.tracker.held;
    if (verb === 'reads') {
      const read = this.#unread.map((one) => ({ queued: true, hook: 'POSTROUTING', payload_len: one.bytes.byteLength }));
      this.#unread = [];
      return read;
    }
    if (verb === 'closes') {
      held.outlet = undefined;
      held.dropQueue(this.#queue);
      this.#waiting = [];
      return 'closed';
    }
    if (verb !== 'binds') return undefined;
    this.#queue = Number(number);
    held.outlet = {
      listens: (queue) => queue === this.#queue,
      offer: (packet) => {
        this.#waiting.push(packet);
        this.#unread.push(packet);
        return true;
      },
    };
    return [0];
  }

  verdict(accept: boolean): unknown {
    const packet = this.#waiting.shift();
    if (packet === undefined) return undefined;
    const released = this.#namespace.tracker.held.verdict(packet.id, accept);
    if (released?.accepted !== true) return { came_out_on: [] };
    return { came_out_on: [packet.ingress === 'r0' ? 'b0' : 'a0'] };
  }

  /** `EXP_NEW to ADDRESS:PORT …`, `CT_NEW with CTA_HELP …`, `CT_GET: CTA_HELP …`. */
  ctnetlink(text: string): unknown {
    const tracker = this.#namespace.tracker;
    let flow = -1;
    tracker.flows.forEachFlow((one) => {
      if (flow < 0 && tracker.flows.isAlive(one)) flow = one;
    });
    if (flow < 0) return undefined;
    const given = options(text.split(/\s+/));
    const helper = tracker.flows.extras.helperOf(flow);
    if (text.startsWith('CT_GET')) {
      const data = tracker.flows.extras.helperData.get(flow);
      const name = Buffer.from(`${helper?.name ?? ''}\0`).toString('hex');
      return { 1: name, ...(data === undefined ? {} : { 2: Buffer.from(data).toString('hex') }) };
    }
    if (text.startsWith('CT_NEW')) {
      const info = given.get('info');
      if (info !== undefined) tracker.flows.extras.writeHelperData(flow, Buffer.from(info, 'hex'));
      tracker.flows.emit('update', flow, EventBit.Reply | EventBit.Helper);
      return [0];
    }
    const to = /^EXP_NEW to ([\d.]+):(\d+)/.exec(text);
    if (to === null) return undefined;
    return [this.#expect(flow, to[1]!, Number(to[2]), given)];
  }

  #expect(master: number, address: string, port: number, given: ReadonlyMap<string, string>): string | number {
    const tracker = this.#namespace.tracker;
    const { orig } = readFlow(tracker.flows, master);
    if ((readFlow(tracker.flows, master).status & Status.Helper) === 0) return 'EOPNOTSUPP';
    const made = tracker.expectations.add({
      master,
      tuple: {
        ...orig,
        source: orig.destination,
        sourcePort: 0,
        destination: Uint8Array.from(address.split('.').map(Number)),
        destinationPort: port,
      },
      mask: { source: new Uint8Array(4).fill(0xff), sourcePort: 0 },
      classIndex: Number(given.get('class') ?? 0),
      timeoutSeconds: Number(given.get('timeout') ?? 0),
      helper: given.has('helper') ? tracker.flows.extras.helperOf(master) : undefined,
    });
    return typeof made === 'string' && made !== 'same' ? made : 0;
  }
}
