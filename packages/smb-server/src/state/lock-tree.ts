/** The bound of a lock: a 64-bit offset, or 2^64, as two numbers that can be compared fast and exactly. */
export interface Bound {
  /** The offset divided by 2^32. */
  readonly high: number;
  /** The rest, below 2^32. */
  readonly low: number;
}

const low32 = 0xffff_ffffn;
/** The bound at an offset. @param offset 0 to 2^64 */
export const boundOf = (offset: bigint): Bound => ({ high: Number(offset >> 32n), low: Number(offset & low32) });
/** The bound at an offset of I/O. @param offset below 2^53 */
export const boundAt = (offset: number): Bound => {
  const high = Math.floor(offset / 2 ** 32);
  return { high, low: offset - high * 2 ** 32 };
};

const isBefore = (a: Bound, b: Bound): boolean => a.high < b.high || (a.high === b.high && a.low < b.low);

/** A lock in the tree: the bytes from `start` to before `end`. */
export interface Interval {
  readonly openId: number;
  readonly exclusive: boolean;
  readonly start: Bound;
  readonly end: Bound;
}

/** The owner of the exclusive locks below a node: none, several opens, or one, by its id. */
const none = -1;
const several = -2;

class Node<T extends Interval> {
  readonly lock: T;
  readonly priority: number;
  readonly order: number;
  left: Node<T> | undefined;
  right: Node<T> | undefined;
  /** Of this node and those below it: the last end, the owner of the exclusive locks, and whether there is a shared one. */
  lastEnd: Bound;
  exclusiveOf = none;
  shared = false;

  constructor(lock: T, order: number) {
    this.lock = lock;
    this.order = order;
    this.priority = Math.imul(order, 0x9e3779b1) >>> 0; // random: the tree stays shallow
    this.lastEnd = lock.end;
    this.update();
  }

  update(): void {
    const { lock, left, right } = this;
    let lastEnd = lock.end;
    let exclusiveOf = lock.exclusive ? lock.openId : none;
    let shared = !lock.exclusive;
    for (const below of [left, right]) {
      if (below === undefined) continue;
      if (isBefore(lastEnd, below.lastEnd)) lastEnd = below.lastEnd;
      if (exclusiveOf === none) exclusiveOf = below.exclusiveOf;
      else if (below.exclusiveOf !== none && below.exclusiveOf !== exclusiveOf) exclusiveOf = several;
      shared ||= below.shared;
    }
    this.lastEnd = lastEnd;
    this.exclusiveOf = exclusiveOf;
    this.shared = shared;
  }
}

/** The locks that a search looks for. */
export type Search = 'any' | 'exclusive of others' | 'shared, or exclusive of others';

/**
 * Locks by their start, in a treap in which each node knows the last end below it and the owner of the exclusive locks there: adding,
 * removing and searching take time that grows as the logarithm of their number, also if one open has very many.
 */
export class LockTree<T extends Interval> {
  #root: Node<T> | undefined;
  readonly #nodes = new Map<T, Node<T>>();
  #order = 0;

  add(lock: T): void {
    const node = new Node(lock, ++this.#order);
    this.#nodes.set(lock, node);
    const [before, after] = split(this.#root, node);
    this.#root = join(join(before, node), after);
  }

  remove(lock: T): void {
    const node = this.#nodes.get(lock);
    if (node === undefined) return;
    this.#nodes.delete(lock);
    this.#root = without(this.#root, node);
  }

  /** Whether a lock of the kind overlaps the bytes from `start` to before `end`: both begin before the other ends, MS-FSA 2.1.4.10. */
  overlaps(start: Bound, end: Bound, search: Search, openId: number): boolean {
    return overlaps(this.#root, start, end, search, openId);
  }
}

const precedes = (a: Node<Interval>, b: Node<Interval>): boolean =>
  isBefore(a.lock.start, b.lock.start) || (!isBefore(b.lock.start, a.lock.start) && a.order < b.order);

/** Splits a tree into the part before a node and the part after it. */
function split<T extends Interval>(tree: Node<T> | undefined, at: Node<T>): [Node<T> | undefined, Node<T> | undefined] {
  if (tree === undefined) return [undefined, undefined];
  if (precedes(tree, at)) {
    const [before, after] = split(tree.right, at);
    tree.right = before;
    tree.update();
    return [tree, after];
  }
  const [before, after] = split(tree.left, at);
  tree.left = after;
  tree.update();
  return [before, tree];
}

/** Joins two trees, all of the first before all of the second. */
function join<T extends Interval>(before: Node<T> | undefined, after: Node<T> | undefined): Node<T> | undefined {
  if (before === undefined || after === undefined) return before ?? after;
  if (before.priority > after.priority) {
    before.right = join(before.right, after);
    before.update();
    return before;
  }
  after.left = join(before, after.left);
  after.update();
  return after;
}

function without<T extends Interval>(tree: Node<T> | undefined, node: Node<T>): Node<T> | undefined {
  if (tree === undefined) return undefined;
  if (tree === node) return join(tree.left, tree.right);
  if (precedes(node, tree)) tree.left = without(tree.left, node);
  else tree.right = without(tree.right, node);
  tree.update();
  return tree;
}

/** Whether a search wants an exclusive lock of an open, or anything of what is below a node. */
const wants = (exclusiveOf: number, shared: boolean, search: Search, openId: number): boolean =>
  search === 'any' || (exclusiveOf !== none && exclusiveOf !== openId) || (shared && search !== 'exclusive of others');

function overlaps(tree: Node<Interval> | undefined, start: Bound, end: Bound, search: Search, openId: number): boolean {
  if (tree === undefined || !isBefore(start, tree.lastEnd) || !wants(tree.exclusiveOf, tree.shared, search, openId)) return false;
  if (overlaps(tree.left, start, end, search, openId)) return true;
  const { lock } = tree;
  if (!isBefore(lock.start, end)) return false; // and the right subtree begins later still
  if (isBefore(start, lock.end) && wants(lock.exclusive ? lock.openId : none, !lock.exclusive, search, openId)) return true;
  return overlaps(tree.right, start, end, search, openId);
}
