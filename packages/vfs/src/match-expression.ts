import { upcase } from './names.ts';

/** Whether a name is in an expression. */
export type NameMatcher = (name: string) => boolean;

const star = 0x2a; // *
const question = 0x3f; // ?
const dosStar = 0x3c; // <
const dosQm = 0x3e; // >
const dosDot = 0x22; // "
const dot = 0x2e;

/** Longer expressions match nothing: no name is that long, and each code unit of an expression costs time for each name. */
const longest = 1024;

/**
 * Whether a name is in an expression, MS-FSA 2.1.4.4, case ignored. `*` any units; `?` one unit; DOS_STAR `<` any units, up to the last
 * period of the name, which it may match; DOS_QM `>` one unit that is not a period, or nothing before a period and at the end; DOS_DOT `"`
 * a period, or nothing at the end. `*.*` is every name. {@link compileExpression} is faster if many names are tested.
 */
export const matchesExpression = (expression: string, name: string): boolean => compileExpression(expression)(name);

/** @returns whether an expression has wildcards (MS-FSA 2.1.4.3); one without is a plain name */
export const hasWildcards = (expression: string): boolean => /[*?<>"]/.test(expression);

/**
 * @returns the matcher of an expression: {@link matchesExpression} for many names. The time for a name is proportional to its length times
 * a 32nd of the expression's
 */
export function compileExpression(expression: string): NameMatcher {
  if (expression === '') return (name) => name === '';
  if (expression.length > longest) return () => false;
  const pattern = upcase(expression).replace(/\*+/g, '*');
  if (pattern === '*' || expression === '*.*') return (name) => name !== '';
  if (!hasWildcards(pattern)) return (name) => name.length === pattern.length && upcase(name) === pattern;
  const rest = pattern.slice(1);
  if (pattern.startsWith('*') && !hasWildcards(rest)) return (name) => name.length >= rest.length && upcase(name).endsWith(rest);
  const places = new Places(pattern);
  return (name) => name !== '' && places.match(upcase(name));
}

/**
 * The positions in a pattern that the beginning of a name can reach, one bit each. 32 of them are advanced at a time, so no pattern is
 * slow. Position n is before unit n of the pattern; the last position is its end.
 */
class Places {
  readonly #words: number;
  readonly #end: number;
  /** Positions of the wildcards. */
  readonly #star: Uint32Array;
  readonly #question: Uint32Array;
  readonly #dosStar: Uint32Array;
  readonly #dosQm: Uint32Array;
  readonly #dosDot: Uint32Array;
  /** Positions of each literal unit. */
  readonly #units = new Map<number, Uint32Array>();
  readonly #none: Uint32Array;
  #now: Uint32Array;
  #next: Uint32Array;

  constructor(pattern: string) {
    this.#end = pattern.length;
    this.#words = (pattern.length >>> 5) + 1;
    const empty = (): Uint32Array => new Uint32Array(this.#words);
    this.#star = empty();
    this.#question = empty();
    this.#dosStar = empty();
    this.#dosQm = empty();
    this.#dosDot = empty();
    this.#none = empty();
    this.#now = empty();
    this.#next = empty();
    const wildcards = new Map([
      [star, this.#star],
      [question, this.#question],
      [dosStar, this.#dosStar],
      [dosQm, this.#dosQm],
      [dosDot, this.#dosDot],
    ]);
    for (let place = 0; place < pattern.length; place++) {
      const unit = pattern.charCodeAt(place);
      put(wildcards.get(unit), place);
      if (unit === star || unit === dosStar) continue;
      const own = this.#units.get(unit) ?? empty();
      this.#units.set(unit, own);
      put(own, place);
    }
  }

  match(name: string): boolean {
    this.#now.fill(0);
    this.#now[0] = 1;
    const lastDot = name.lastIndexOf('.');
    for (let at = 0; at < name.length; at++) {
      const unit = name.charCodeAt(at);
      this.#skip(unit === dot, false);
      if (!this.#step(unit, at === lastDot)) return false;
    }
    this.#skip(true, true);
    return ((this.#now[this.#end >>> 5]! >>> (this.#end & 31)) & 1) === 1;
  }

  /** Consumes one unit. @returns whether any position is left */
  #step(unit: number, isLastDot: boolean): boolean {
    const now = this.#now;
    const next = this.#next;
    const own = this.#units.get(unit) ?? this.#none;
    const dos = unit === dot ? this.#dosDot : this.#dosQm;
    let carry = 0;
    let alive = 0;
    for (let word = 0; word < this.#words; word++) {
      const star = this.#dosStar[word]!;
      const stays = now[word]! & (this.#star[word]! | (isLastDot ? 0 : star));
      const moves = now[word]! & (own[word]! | this.#question[word]! | dos[word]! | (isLastDot ? star : 0));
      const places = stays | (moves << 1) | carry;
      carry = moves >>> 31;
      next[word] = places;
      alive |= places;
    }
    this.#now = next;
    this.#next = now;
    return alive !== 0;
  }

  /** Adds the positions that are reached without consuming a unit. An addition with carry passes a whole run of such wildcards at once. */
  #skip(beforeDot: boolean, atEnd: boolean): void {
    const now = this.#now;
    let carry = 0;
    for (let word = 0; word < this.#words; word++) {
      const passes =
        (this.#star[word]! | this.#dosStar[word]! | (beforeDot ? this.#dosQm[word]! : 0) | (atEnd ? this.#dosDot[word]! : 0)) >>> 0;
      const sum = ((now[word]! & passes) >>> 0) + passes + carry;
      carry = sum > 0xffff_ffff ? 1 : 0;
      now[word] = now[word]! | (sum ^ passes);
    }
  }
}

/** Marks a position. */
function put(places: Uint32Array | undefined, place: number): void {
  if (places !== undefined) places[place >>> 5] = places[place >>> 5]! | (1 << (place & 31));
}
