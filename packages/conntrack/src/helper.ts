import { Family, type HelperRef, Protocol } from './engine.ts';
import { createFtp } from './helpers/ftp.ts';
import { namedHelpers } from './helpers/named.ts';
import type { Profile } from './profile.ts';
import type { Tracker } from './tracker.ts';

/**
 * A class of expectations: the maximum number of pending ones per flow (0: unlimited), and their lifetime. nfnetlink_cthelper.h
 * `NFCTH_POLICY`.
 */
export interface HelperClass {
  readonly name: string;
  readonly max: number;
  readonly timeoutSeconds: number;
}

/** The reason why an operation on helpers is rejected, named after the errno. */
export type HelperRefusal = 'EINVAL' | 'ERANGE' | 'EEXIST' | 'EBUSY' | 'ENOENT' | 'EOVERFLOW' | 'ENOMEM';

/** `NFCT_HELPER_STATUS_*`, nfnetlink_cthelper.h. */
export const HelperStatus = { Disabled: 0, Enabled: 1 } as const;

/** The protocols of a helper. */
export interface HelperTuple {
  readonly l3num: number;
  readonly l4: number;
}

/** The content of a NEW request; an absent attribute is undefined. */
export interface HelperRequest extends HelperTuple {
  readonly name: string;
  /** The classes, or the reason why they are rejected. */
  readonly classes?: readonly HelperClass[] | HelperRefusal | undefined;
  readonly privateLength?: number | undefined;
  readonly queueNumber?: number | undefined;
  readonly status?: number | undefined;
}

/** Maximum number of classes, and of bytes of private data. */
const maxClasses = 4;
const maxPrivate = 32;
/** The largest maximum that a class may have. */
const maxExpected = 255;
/** Number of buckets of the list; a dump lists the helpers bucket by bucket. */
const buckets = 512;

/** A helper that a user-space program registered. */
export class UserHelper implements HelperRef {
  readonly name: string;
  readonly l3num: number;
  readonly l4: number;
  readonly privateLength: number;
  classes: readonly HelperClass[];
  /** As received; the low 16 bits select the queue. */
  queueNumber = 0;
  enabled = false;
  #holders = 0;
  #removed = false;

  constructor(request: HelperRequest, classes: readonly HelperClass[], privateLength: number) {
    this.name = request.name;
    this.l3num = request.l3num;
    this.l4 = request.l4;
    this.privateLength = privateLength;
    this.classes = classes;
  }

  get queue(): number {
    return this.queueNumber & 0xffff;
  }

  /** Whether a rule uses it. Flows do not count. */
  get inUse(): boolean {
    return this.#holders > 0;
  }

  /** Whether it was deleted. */
  get removed(): boolean {
    return this.#removed;
  }

  hold(): boolean {
    if (this.#removed) return false;
    this.#holders++;
    return true;
  }

  release(): void {
    if (this.#holders > 0) this.#holders--;
  }

  /** @internal Marks it as deleted. */
  remove(): void {
    this.#removed = true;
  }

  /** @internal Unknown status values are ignored. */
  set(request: HelperRequest): void {
    if (request.queueNumber !== undefined) this.queueNumber = request.queueNumber;
    if (request.status === HelperStatus.Enabled || request.status === HelperStatus.Disabled)
      this.enabled = request.status === HelperStatus.Enabled;
  }
}

/** The helpers of a host, shared by all its namespaces: helpers registered from user space, and built-in helpers. */
export class Helpers {
  /** Built-in helpers: a function inspects their packets, and no request can change or delete them. */
  readonly builtIn: readonly HelperRef[] = [createFtp(Family.Ipv4, Protocol.Tcp), createFtp(Family.Ipv6, Protocol.Tcp)];
  /** The kernel's other helpers: names that ctnetlink assigns to flows, without inspection. */
  readonly #named: readonly HelperRef[] = namedHelpers();
  /** The trackers whose flows may have these helpers. */
  readonly trackers: Set<Tracker> = new Set();
  readonly #buckets = new Map<number, UserHelper[]>();

  /** In dump order: by bucket, newest first within a bucket. */
  *[Symbol.iterator](): IterableIterator<UserHelper> {
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) yield* this.#buckets.get(bucket) ?? [];
  }

  get size(): number {
    let size = 0;
    for (const list of this.#buckets.values()) size += list.length;
    return size;
  }

  /** Finds the helper for a rule. A helper without a family matches both. */
  find(name: string, l3num: number, l4: number): HelperRef | undefined {
    const fits = fitsRule(name, l3num, l4);
    return this.builtIn.find(fits) ?? [...this].find(fits);
  }

  /** Finds the helper that ctnetlink names: as `find`, or one of the kernel's that ring3 does not have. */
  findNamed(name: string, l3num: number, l4: number): HelperRef | undefined {
    return this.find(name, l3num, l4) ?? this.#named.find(fitsRule(name, l3num, l4));
  }

  /** The user-space helpers that match the name and the tuple; undefined matches all. */
  matching(name: string | undefined, tuple: HelperTuple | undefined): UserHelper[] {
    return [...this].filter(
      (one) => (name === undefined || one.name === name) && (tuple === undefined || (one.l3num === tuple.l3num && one.l4 === tuple.l4)),
    );
  }

  /** Registers a helper, or changes the one with the same name and tuple. @returns the helper, or the reason of the rejection */
  set(request: HelperRequest, exclusive: boolean, profile: Profile): UserHelper | HelperRefusal {
    const existing = this.matching(request.name, request)[0];
    if (existing === undefined) return this.#create(request, profile);
    if (exclusive) return 'EEXIST';
    return this.#update(existing, request, profile) ?? existing;
  }

  /**
   * Deletes the matching helpers that no rule uses, and removes them from their flows.
   * @returns undefined, or the reason why none was deleted
   */
  delete(name: string | undefined, tuple: HelperTuple | undefined, profile: Profile): HelperRefusal | undefined {
    if (this.size === 0) return undefined;
    const found = this.matching(name, tuple);
    const free = found.filter((one) => profile.looseHelperUpdate || !one.inUse);
    for (const one of free) this.#remove(one);
    if (free.length > 0) return undefined;
    return found.length > 0 ? 'EBUSY' : 'ENOENT';
  }

  #create(request: HelperRequest, profile: Profile): UserHelper | HelperRefusal {
    const { classes, privateLength } = request;
    if (classes === undefined || (!profile.looseHelperUpdate && privateLength === undefined)) return 'EINVAL';
    if (typeof classes === 'string') return classes;
    const refused = refuseClasses(classes, profile);
    if (refused !== undefined) return refused;
    if (privateLength === undefined) return 'EINVAL';
    if (privateLength > maxPrivate) return 'ENOMEM';
    if (this.builtIn.some((one) => one.name === request.name && one.l3num === request.l3num && one.l4 === request.l4)) return 'EBUSY';
    const made = new UserHelper(request, classes, privateLength);
    made.set(request);
    const bucket = bucketOf(request);
    this.#buckets.set(bucket, [made, ...(this.#buckets.get(bucket) ?? [])]);
    return made;
  }

  #update(helper: UserHelper, request: HelperRequest, profile: Profile): HelperRefusal | undefined {
    const { classes, privateLength } = request;
    const old = profile.looseHelperUpdate;
    if (privateLength !== undefined && (old || privateLength !== helper.privateLength)) return 'EBUSY';
    if (typeof classes === 'string') return classes;
    if (classes !== undefined) {
      const refused = refuseClasses(classes, profile);
      if (refused !== undefined) return refused;
      const same = classes.length === helper.classes.length && classes.every((one, i) => one.name === helper.classes[i]?.name);
      if (!old && !same) return 'EBUSY';
      helper.classes = classes;
    }
    helper.set(request);
    return undefined;
  }

  #remove(helper: UserHelper): void {
    helper.remove();
    const bucket = bucketOf(helper);
    this.#buckets.set(
      bucket,
      (this.#buckets.get(bucket) ?? []).filter((one) => one !== helper),
    );
    for (const tracker of this.trackers) tracker.detachHelper(helper);
  }
}

const fitsRule =
  (name: string, l3num: number, l4: number) =>
  (one: HelperRef): boolean =>
    one.name === name && one.l4 === l4 && (one.l3num === l3num || one.l3num === 0);

const bucketOf = ({ l3num, l4 }: HelperTuple): number => (((l3num & 0xff) << 8) | l4) % buckets;

function refuseClasses(classes: readonly HelperClass[], profile: Profile): HelperRefusal | undefined {
  if (classes.length > maxClasses) return 'EOVERFLOW';
  if (profile.looseHelperUpdate) return undefined;
  if (classes.length === 0 || classes.some((one) => one.max > maxExpected)) return 'EINVAL';
  return undefined;
}
