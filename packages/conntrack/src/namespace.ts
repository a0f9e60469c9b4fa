import { type Clock, type Random, systemClock, systemRandom, type Timer } from '@ring3/kit';
import { DefaultTimeouts } from './default-timeouts.ts';
import type { EngineContext, HelperRef } from './engine.ts';
import type { EventSink } from './event-sink.ts';
import type { Flows } from './flows.ts';
import { Host } from './host.ts';
import { type Profile, type ProfileName, profiles } from './profile.ts';
import { Redelivery } from './redelivery.ts';
import { Rules } from './rules.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { Sysctls } from './sysctl.ts';
import { largestTable } from './table/flow-table.ts';
import { TimeoutPolicies, type TimeoutPolicy } from './timeout-policy.ts';
import { Tracker } from './tracker.ts';

export interface NamespaceOptions {
  /** The source of time; default: the system clock. A namespace that replays a capture uses the capture's time. */
  readonly clock?: Clock;
  /** The source of hash seeds, ids and port numbers. */
  readonly random?: Random;
  /** State shared with other namespaces; default: its own. */
  readonly host?: Host;
  /** The kernel version whose behaviour is followed; default: `current`. */
  readonly profile?: ProfileName;
  /** Ticks per second, the unit of timeouts: 1..10000; default: 250. */
  readonly hz?: number;
  /** Capacity of the flow table; default: `nf_conntrack_max` when the tracker is created. */
  readonly flows?: number;
}

/** A network namespace as netfilter sees it: one flow table with its policies, rules and settings. No state is global. */
export class Namespace implements EngineContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly host: Host;
  readonly profile: Profile;
  readonly hz: number;
  /** In ticks; edited in place. */
  readonly defaultTimeouts: DefaultTimeouts;
  readonly settings: Settings = defaultSettings();
  readonly timeoutPolicies: TimeoutPolicies = new TimeoutPolicies(this);
  /** The rules that assign zones, helpers and policies to new flows. */
  readonly rules: Rules = new Rules(this);
  /** The settings by the kernel's names. */
  readonly sysctls: Sysctls;
  /** Called when the table is full: a packet was dropped, or a flow that is not assured was deleted to make space. */
  onTableFull: (what: 'dropped' | 'earlyDrop') => void = () => {};
  readonly #detaching: ((policy: TimeoutPolicy) => void)[] = [];
  readonly #closing: (() => void)[] = [];
  readonly #capacity: number | undefined;
  readonly #sinks: EventSink[] = [];
  #tracker: Tracker | undefined;
  #timer: Timer | undefined;
  #redelivery: Redelivery | undefined;
  #keepsTime = false;
  #closed = false;

  constructor(options: NamespaceOptions = {}) {
    const { clock = systemClock, random = systemRandom(), host = new Host(), profile = 'current', hz = 250 } = options;
    if (!Number.isInteger(hz) || hz < 1 || hz > 10_000) throw new RangeError(`invalid hz ${hz}: 1 to 10000`);
    this.clock = clock;
    this.random = random;
    this.host = host;
    this.profile = profiles[profile];
    this.hz = hz;
    this.#capacity = options.flows;
    this.defaultTimeouts = new DefaultTimeouts(hz);
    this.sysctls = new Sysctls(
      this.defaultTimeouts,
      this.settings,
      hz,
      () => this.flowCount,
      (flows) => this.#mayHold(flows),
    );
  }

  /** The connection tracker, created on first access: its arena has the full capacity. Its time is `clock.now()`. */
  get tracker(): Tracker {
    if (this.#tracker === undefined) {
      const { settings, rules } = this;
      this.#tracker = new Tracker(this, {
        now: this.clock.now(),
        capacity: this.#capacity ?? (settings.max || defaultSettings().max),
        settings,
        rules,
      });
      this.#tracker.flows.onFull = (what) => this.onTableFull(what);
      this.#redelivery = new Redelivery(this.#tracker.flows, this.clock);
      this.host.helpers.trackers.add(this.#tracker);
      this.#listen();
      this.#wait();
    }
    return this.#tracker;
  }

  /** The tracker's table. */
  get flows(): Flows {
    return this.tracker.flows;
  }

  /** The tracker if it was created: for callers that only read. */
  get trackerIfMade(): Tracker | undefined {
    return this.#tracker;
  }

  /** Adds a receiver of the tracker's events. From then on time passes without packets, as after `keepTime`. */
  addSink(sink: EventSink): void {
    this.#sinks.push(sink);
    this.#listen();
    this.keepTime();
  }

  /** Removes a receiver. */
  deleteSink(sink: EventSink): void {
    const at = this.#sinks.indexOf(sink);
    if (at < 0) return;
    this.#sinks.splice(at, 1);
    this.#listen();
  }

  /** From now on flows expire at their time without a packet: a timer of the namespace's clock is set to the next expiry. */
  keepTime(): void {
    this.#keepsTime = true;
    this.#wait();
  }

  #listen(): void {
    if (this.#tracker === undefined) return;
    const sinks = this.#sinks;
    const fanOut: EventSink = {
      listens: () => sinks.some((sink) => sink.listens?.() !== false),
      flow: (event, flow, happened, missed) => {
        let delivered = true;
        for (const sink of sinks) if (sink.flow(event, flow, happened, missed) === false) delivered = false;
        return delivered;
      },
      retry: (flow, missed) => {
        let delivered = true;
        for (const sink of sinks) if (sink.retry?.(flow, missed) === false) delivered = false;
        return delivered;
      },
      expectation: (event, expectation) => {
        for (const sink of sinks) sink.expectation(event, expectation);
      },
    };
    this.#tracker.flows.events.sink = sinks.length > 1 ? fanOut : sinks[0];
  }

  #wait(): void {
    const flows = this.#tracker?.flows;
    if (flows === undefined || !this.#keepsTime || this.#closed) return;
    flows.onEarlier = () => this.#wait();
    this.#timer?.clear();
    this.#timer = undefined;
    const due = flows.awaitDue();
    if (due === Number.POSITIVE_INFINITY) return;
    // a timer may be a fraction of a millisecond early
    this.#timer = this.clock.after(Math.max(0, Math.ceil(due - this.clock.now())), () => {
      flows.advance(Math.max(flows.now, this.clock.now()));
      this.#wait();
    });
  }

  /** Grows the table to `nf_conntrack_max` flows; 0: only the capacity limits it. @returns false if that is impossible */
  #mayHold(flows: number): boolean {
    try {
      if (this.#capacity === undefined && flows !== 0) this.#tracker?.flows.table.grow(flows);
      return flows <= largestTable;
    } catch (error) {
      if (error instanceof RangeError) return false; // the memory is not available
      throw error;
    }
  }

  /**
   * Flows in the table, those of packets that wait in a queue and are not in it yet, and those that have ended and whose DESTROY could not
   * be delivered, as nf_conntrack_count counts them.
   */
  get flowCount(): number {
    return this.#tracker?.flows.table.used ?? 0;
  }

  get timeouts(): DefaultTimeouts {
    return this.defaultTimeouts;
  }

  random32 = (): number => this.random.u32();

  findPolicy(name: string): TimeoutPolicy | undefined {
    return this.timeoutPolicies.find(name);
  }

  findHelper(name: string, l3num: number, l4: number): HelperRef | undefined {
    return this.host.helpers.find(name, l3num, l4);
  }

  /** Finds the helper that a ctnetlink request names; see `Helpers.findNamed`. */
  findNamedHelper(name: string, l3num: number, l4: number): HelperRef | undefined {
    return this.host.helpers.findNamed(name, l3num, l4);
  }

  /** Calls back when a policy is removed from its flows. */
  onDetached(call: (policy: TimeoutPolicy) => void): void {
    this.#detaching.push(call);
  }

  /** @internal */
  detached(policy: TimeoutPolicy): void {
    this.#tracker?.flows.extras.detachPolicy(policy);
    for (const call of this.#detaching) call(policy);
  }

  /** Calls back when the namespace is closed. */
  onClose(call: () => void): void {
    this.#closing.push(call);
  }

  /**
   * Closes the namespace: removes the policies from the list, then from the flows, and calls the `onClose` callbacks. A second call does
   * nothing.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.timeoutPolicies.close();
    if (this.#tracker !== undefined) this.host.helpers.trackers.delete(this.#tracker);
    this.#timer?.clear();
    this.#redelivery?.close();
    for (const call of this.#closing) call();
  }
}

/** Creates a namespace. @throws RangeError if `hz` is out of range */
export const createNamespace = (options: NamespaceOptions = {}): Namespace => new Namespace(options);
