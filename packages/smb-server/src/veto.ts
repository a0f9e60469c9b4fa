import { matchesWildcard } from '@ring3/kit';
import { foldName } from '@ring3/vfs';

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
    const folded = foldName(pattern);
    if (/[*?]/.test(folded)) expressions.push(folded);
    else names.add(folded);
  }
  return (name) => {
    const folded = foldName(name);
    return names.has(folded) || expressions.some((expression) => matchesWildcard(expression, folded));
  };
}
