import { upcase } from './names.ts';

/** Whether a name is in an expression. */
export type NameMatcher = (name: string) => boolean;

const star = 0x2a; // *
const question = 0x3f; // ?
const dosStar = 0x3c; // <
const dosQm = 0x3e; // >
const dosDot = 0x22; // "
const dot = 0x2e;

/** Longer expressions match nothing: no name is that long, and each unit of an expression costs time for each name. */
const longest = 1024;

/**
 * Whether a name is in an expression, MS-FSA 2.1.4.4, case ignored. `*` any units; `?` one unit; DOS_STAR `<` any units, up to the last period of the name,
 * which it may match; DOS_QM `>` one unit that is not a period, or nothing before a period and at the end; DOS_DOT `"` a period, or nothing at the end.
 * `*.*` is every name. {@link compileExpression} is faster if many names are tested.
 */
export const matchesExpression = (expression: string, name: string): boolean => compileExpression(expression)(name);

/** @returns whether an expression has wildcards (MS-FSA 2.1.4.3); one without is a plain name */
export const hasWildcards = (expression: string): boolean => /[*?<>"]/.test(expression);

/** @returns the matcher of an expression: {@link matchesExpression} for many names. The time for a name is proportional to its length times the expression's */
export function compileExpression(expression: string): NameMatcher {
  if (expression === '') return (name) => name === '';
  if (expression.length > longest) return () => false;
  const pattern = upcase(expression).replace(/\*+/g, '*');
  if (pattern === '*' || expression === '*.*') return (name) => name !== '';
  if (!hasWildcards(pattern)) return (name) => name.length === pattern.length && upcase(name) === pattern;
  const rest = pattern.slice(1);
  if (pattern.startsWith('*') && !hasWildcards(rest)) return (name) => name.length >= rest.length && upcase(name).endsWith(rest);
  return (name) => name !== '' && search(pattern, upcase(name));
}

/** Walks the name once and keeps the set of all places in the pattern that its beginning can lead to, so no pattern makes it slow. */
function search(pattern: string, name: string): boolean {
  const lastDot = name.lastIndexOf('.');
  let places = new Uint8Array(pattern.length + 1);
  let next = new Uint8Array(pattern.length + 1);
  places[0] = 1;
  for (let at = 0; at < name.length; at++) {
    const unit = name.charCodeAt(at);
    skip(pattern, places, unit === dot, false);
    next.fill(0);
    let alive = false;
    for (let place = 0; place < pattern.length; place++) {
      if (places[place] === 0) continue;
      const wanted = pattern.charCodeAt(place);
      if (wanted === star || (wanted === dosStar && at !== lastDot)) next[place] = 1;
      else if (
        wanted === question ||
        wanted === dosStar ||
        wanted === unit ||
        (wanted === dosQm && unit !== dot) ||
        (wanted === dosDot && unit === dot)
      )
        next[place + 1] = 1;
      else continue;
      alive = true;
    }
    if (!alive) return false;
    [places, next] = [next, places];
  }
  skip(pattern, places, true, true);
  return places[pattern.length] === 1;
}

/** Adds the places that are reached without consuming a unit. */
function skip(pattern: string, places: Uint8Array, beforeDot: boolean, atEnd: boolean): void {
  for (let place = 0; place < pattern.length; place++) {
    if (places[place] === 0) continue;
    const wanted = pattern.charCodeAt(place);
    if (wanted === star || wanted === dosStar || (wanted === dosQm && beforeDot) || (wanted === dosDot && atEnd)) places[place + 1] = 1;
  }
}
