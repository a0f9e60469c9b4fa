import { type Clock, type Random, systemClock, systemRandom, type Timer } from '@ring3/kit';
import { DefaultTimeouts } from './default-timeouts.ts';
import type { EngineContext, HelperRef } from './engine.ts';
import { Host } from './host.ts';
import { type Profile, type ProfileName, profiles } from './profile.ts';
import { Rules } from './rules.ts';
import { defaultSettings, type Settings } from './settings.ts';
import { Sysctls } from './sysctl.ts';
import { largestTable } from './table/flow-table.ts';
import { TimeoutPolicies, type TimeoutPolicy } from './timeout-policy.ts';
import { type EventSink, Tracker } from './tracker.ts';

export interface NamespaceOptions {
  /** Where time comes from; the machine's clock unless given. A capture's namespace has the capture's. */
  readonly clock?: Clock;
  /** Where hash seeds, ids and port numbers come from. */
  readonly random?: Random;
  /** What is shared with other namespaces; one of its own unless given. */
  readonly host?: Host;
  /** Which kernel's rules are followed where they differ: `current` unless given. */
  readonly profile?: ProfileName;
  /** Ticks a second, in which timeouts are counted: 250 unless given. 1..10000. */
  readonly hz?: number;
  /** Flows that there is room for; the setting `nf_conntrack_max` of the moment in which the tracker is made unless given. */
  readonly flows?: number;
}

/** The root of the netfilter half, as `struct net` is in the kernel: one table of flows with its policies, rules and settings. Nothing is global. */
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
  /** Which new flows get which zone, helper and policy. */
  readonly rules: Rules = new Rules(this);
  /** The settings by the kernel's names. */
  readonly sysctls: Sysctls;
  /** Called when the table is full: a packet was dropped, or a flow that is not assured was deleted to make space. */
  onTableFull: (what: 'dropped' | 'earlyDrop') => void = () => {};
  readonly #detaching: ((policy: TimeoutPolicy) => void)[] = [];
  readonly #closing: (() => void)[] = [];
  readonly #flows: number | undefined;
  readonly #sinks: EventSink[] = [];
  #tracker: Tracker | undefined;
  #timer: Timer | undefined;
  #keepsTime = false;
  #closed = false;

  constructor(options: NamespaceOptions = {}) {
    const { clock = systemClock, random = systemRandom(), host = new Host(), profile = 'current', hz = 250 } = options;
    if (!Number.isInteger(hz) || hz < 1 || hz > 10_000) throw new RangeError(`hz ${hz} is not in 1..10000`);
    this.clock = clock;
    this.random = random;
    this.host = host;
    this.profile = profiles[profile];
    this.hz = hz;
    this.#flows = options.flows;
    this.defaultTimeouts = new DefaultTimeouts(hz);
    this.sysctls = new Sysctls(
      this.defaultTimeouts,
      this.settings,
      hz,
      () => this.flowCount,
      (flows) => this.#mayHold(flows),
    );
  }

  /** The connection tracker, made when it is first asked for: its arena is laid out for all the flows that there may be. Its time is `clock.now()`. */
  get tracker(): Tracker {
    if (this.#tracker === undefined) {
      const { settings, rules } = this;
      this.#tracker = new Tracker(this, {
        now: this.clock.now(),
        capacity: this.#flows ?? (settings.max || defaultSettings().max),
        settings,
        rules,
      });
      this.#tracker.onFull = (what) => this.onTableFull(what);
      this.host.helpers.trackers.add(this.#tracker);
      this.#listen();
      this.#wait();
    }
    return this.#tracker;
  }

  /** The tracker, where it has been made: for whoever only looks. */
  get trackerIfMade(): Tracker | undefined {
    return this.#tracker;
  }

  /** Lets somebody hear of the tracker's events, beside others; time passes by itself from then on. */
  addSink(sink: EventSink): void {
    this.#sinks.push(sink);
    this.#listen();
    this.keepTime();
  }

  /** Takes one away again. */
  deleteSink(sink: EventSink): void {
    const at = this.#sinks.indexOf(sink);
    if (at < 0) return;
    this.#sinks.splice(at, 1);
    this.#listen();
  }

  /** From now on flows end when their time has come, without waiting for a packet: a timer is set to the next of them, by the namespace's clock. */
  keepTime(): void {
    this.#keepsTime = true;
    this.#wait();
  }

  #listen(): void {
    if (this.#tracker === undefined) return;
    const sinks = this.#sinks;
    const fanOut: EventSink = {
      listens: () => sinks.some((sink) => sink.listens?.() !== false),
      flow: (event, flow, happened) => {
        for (const sink of sinks) sink.flow(event, flow, happened);
      },
      expectation: (event, expectation) => {
        for (const sink of sinks) sink.expectation(event, expectation);
      },
    };
    this.#tracker.sink = sinks.length > 1 ? fanOut : sinks[0];
  }

  #wait(): void {
    const tracker = this.#tracker;
    if (tracker === undefined || !this.#keepsTime || this.#closed) return;
    tracker.onEarlier = () => this.#wait();
    this.#timer?.clear();
    this.#timer = undefined;
    const due = tracker.awaitDue();
    if (due === Number.POSITIVE_INFINITY) return;
    // a timer may be a fraction of a millisecond early
    this.#timer = this.clock.after(Math.max(0, Math.ceil(due - this.clock.now())), () => {
      tracker.advance(Math.max(tracker.now, this.clock.now()));
      this.#wait();
    });
  }

  /** Makes space for `nf_conntrack_max` flows. 0 is no limit but the space that there is. */
  #mayHold(flows: number): boolean {
    try {
      if (this.#flows === undefined && flows !== 0) this.#tracker?.table.grow(flows);
      return flows <= largestTable;
    } catch (error) {
      if (error instanceof RangeError) return false; // so much memory cannot be had
      throw error;
    }
  }

  /** Flows in the table now. */
  get flowCount(): number {
    return this.#tracker?.table.confirmed ?? 0;
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

  /** Tells when a policy has to leave the flows that carry it. */
  onDetached(call: (policy: TimeoutPolicy) => void): void {
    this.#detaching.push(call);
  }

  /** @internal */
  detached(policy: TimeoutPolicy): void {
    this.#tracker?.extras.detachPolicy(policy);
    for (const call of this.#detaching) call(policy);
  }

  /** Tells when the namespace ends. */
  onClose(call: () => void): void {
    this.#closing.push(call);
  }

  /** Ends the namespace: policies leave the list, then the flows; whoever listens ends too. A second call does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.timeoutPolicies.close();
    if (this.#tracker !== undefined) this.host.helpers.trackers.delete(this.#tracker);
    this.#timer?.clear();
    for (const call of this.#closing) call();
  }
}

/** Makes a namespace. @throws RangeError for an impossible `hz` */
export const createNamespace = (options: NamespaceOptions = {}): Namespace => new Namespace(options);
