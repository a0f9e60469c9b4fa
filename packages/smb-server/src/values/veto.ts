import { matchesWildcard } from '@ring3/kit';
import { foldName } from '@ring3/vfs';

/**
 * Whether a name matches a veto list, without regard to case, in either spelling of names that Windows cannot express: `*` any units, `?`
 * one unit, all other units literally. smb.conf(5) and ksmbd.conf(5), "veto files".
 * @throws RangeError for a pattern that matches no name: an empty one, or one with a separator
 */
export function createVeto(patterns: readonly string[]): (name: string) => boolean {
  const names = new Set<string>();
  const expressions: string[] = [];
  for (const pattern of patterns) {
    if (pattern === '' || /[/\0]/.test(pattern))
      throw new RangeError(`invalid pattern of names ${JSON.stringify(pattern)}: not empty, without "/" and NUL`);
    const folded = foldName(pattern);
    if (/[*?]/.test(folded)) expressions.push(folded);
    else names.add(folded);
  }
  return (name) => {
    const folded = foldName(name);
    return names.has(folded) || expressions.some((expression) => matchesWildcard(expression, folded));
  };
}
