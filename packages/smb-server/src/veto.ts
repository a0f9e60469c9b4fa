import { foldName } from '@ring3/vfs';

const star = 0x2a; // *
const question = 0x3f; // ?

/**
 * Whether a name is one of those that a veto list means, case ignored, in either spelling of what Windows cannot express: `*` any units, `?` one unit, all
 * else itself. smb.conf(5) and ksmbd.conf(5), "veto files".
 * @throws RangeError for what no name can match: nothing at all, or with a separator
 */
export function createVeto(patterns: readonly string[]): (name: string) => boolean {
  const names = new Set<string>();
  const expressions: string[] = [];
  for (const pattern of patterns) {
    if (pattern === '' || /[/\0]/.test(pattern)) throw new RangeError(`not a pattern of names: ${JSON.stringify(pattern)}`);
    const folded = foldName(pattern).replace(/\*+/g, '*');
    if (/[*?]/.test(folded)) expressions.push(folded);
    else names.add(folded);
  }
  return (name) => {
    const folded = foldName(name);
    return names.has(folded) || expressions.some((expression) => matches(expression, folded));
  };
}

/** Goes back to the last star alone: time grows as the name's length by the expression's, whatever they are. */
function matches(expression: string, name: string): boolean {
  let place = 0;
  let afterStar = -1;
  let resume = 0;
  for (let at = 0; at < name.length; ) {
    const wanted = expression.charCodeAt(place); // NaN at the end
    if (wanted === star) {
      afterStar = ++place;
      resume = at;
    } else if (wanted === question || wanted === name.charCodeAt(at)) {
      place++;
      at++;
    } else if (afterStar >= 0) {
      place = afterStar;
      at = ++resume;
    } else return false;
  }
  if (expression.charCodeAt(place) === star) place++;
  return place === expression.length;
}
