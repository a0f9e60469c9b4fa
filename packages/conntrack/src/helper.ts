import { Family, type HelperRef, Protocol } from './engine.ts';
import { createFtp } from './helpers/ftp.ts';
import type { Profile } from './profile.ts';
import type { Tracker } from './tracker.ts';

/** A class of expectations: how many may wait for one flow (0: as many as there come), and how long. nfnetlink_cthelper.h `NFCTH_POLICY`. */
export interface HelperClass {
  readonly name: string;
  readonly max: number;
  readonly timeoutSeconds: number;
}

/** Why an operation on helpers is refused; the words are errno names. */
export type HelperRefusal = 'EINVAL' | 'ERANGE' | 'EEXIST' | 'EBUSY' | 'ENOENT' | 'EOVERFLOW' | 'ENOMEM';

/** `NFCT_HELPER_STATUS_*`, nfnetlink_cthelper.h. */
export const HelperStatus = { Disabled: 0, Enabled: 1 } as const;

/** Who a helper is for. */
export interface HelperTuple {
  readonly l3num: number;
  readonly l4: number;
}

/** What a NEW says about a helper; what is left out is undefined. */
export interface HelperRequest extends HelperTuple {
  readonly name: string;
  /** The classes, or why they cannot be read. */
  readonly classes?: readonly HelperClass[] | HelperRefusal | undefined;
  readonly privateLength?: number | undefined;
  readonly queueNumber?: number | undefined;
  readonly status?: number | undefined;
}

/** The most classes, and the most bytes of private data. */
const mostClasses = 4;
const mostPrivate = 32;
/** The most expectations that a class may be given. */
const mostExpected = 255;
/** Buckets of the list by which dumps go: they show in the order of a dump. */
const buckets = 512;

/** A helper that a program in user space registered. */
export class UserHelper implements HelperRef {
  readonly name: string;
  readonly l3num: number;
  readonly l4: number;
  readonly privateLength: number;
  classes: readonly HelperClass[];
  /** As it was given; the low 16 bits select the queue. */
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

  /** Whether a rule names it. Flows do not count. */
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

  /** @internal Takes it off the list. */
  remove(): void {
    this.#removed = true;
  }

  /** @internal Unknown values of the status leave it as it is. */
  set(request: HelperRequest): void {
    if (request.queueNumber !== undefined) this.queueNumber = request.queueNumber;
    if (request.status === HelperStatus.Enabled || request.status === HelperStatus.Disabled)
      this.enabled = request.status === HelperStatus.Enabled;
  }
}

/** The helpers of a host: those of user space, which come and go, and those that are built in. The list is one for all namespaces. */
export class Helpers {
  /** Built in; they carry their packets through a function, and no program can touch them. */
  readonly builtIn: readonly HelperRef[] = [createFtp(Family.Ipv4, Protocol.Tcp), createFtp(Family.Ipv6, Protocol.Tcp)];
  /** The trackers whose flows may carry them. */
  readonly trackers: Set<Tracker> = new Set();
  readonly #buckets = new Map<number, UserHelper[]>();

  /** In the order of a dump: by bucket, and newest first inside one. */
  *[Symbol.iterator](): IterableIterator<UserHelper> {
    for (const bucket of [...this.#buckets.keys()].sort((a, b) => a - b)) yield* this.#buckets.get(bucket) ?? [];
  }

  get size(): number {
    let size = 0;
    for (const list of this.#buckets.values()) size += list.length;
    return size;
  }

  /** The helper that a rule means. One without a family fits both. */
  find(name: string, l3num: number, l4: number): HelperRef | undefined {
    const fits = (one: HelperRef): boolean => one.name === name && one.l4 === l4 && (one.l3num === l3num || one.l3num === 0);
    return this.builtIn.find(fits) ?? [...this].find(fits);
  }

  /** Those of user space that match a name, a tuple, both or neither. */
  matching(name: string | undefined, tuple: HelperTuple | undefined): UserHelper[] {
    return [...this].filter(
      (one) => (name === undefined || one.name === name) && (tuple === undefined || (one.l3num === tuple.l3num && one.l4 === tuple.l4)),
    );
  }

  /** Registers a helper, or changes the one with the same name and tuple (spec 3.2). @returns it, or why not */
  set(request: HelperRequest, exclusive: boolean, profile: Profile): UserHelper | HelperRefusal {
    const existing = this.matching(request.name, request)[0];
    if (existing === undefined) return this.#create(request, profile);
    if (exclusive) return 'EEXIST';
    return this.#update(existing, request, profile) ?? existing;
  }

  /**
   * Deletes those that match and that no rule names; the deleted leave the flows that carry them (spec 3.4).
   * @returns why nothing was deleted
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
    if (privateLength > mostPrivate) return 'ENOMEM';
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

const bucketOf = ({ l3num, l4 }: HelperTuple): number => (((l3num & 0xff) << 8) | l4) % buckets;

function refuseClasses(classes: readonly HelperClass[], profile: Profile): HelperRefusal | undefined {
  if (classes.length > mostClasses) return 'EOVERFLOW';
  if (profile.looseHelperUpdate) return undefined;
  if (classes.length === 0 || classes.some((one) => one.max > mostExpected)) return 'EINVAL';
  return undefined;
}
