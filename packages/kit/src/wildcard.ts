const star = 0x2a; // *
const question = 0x3f; // ?

/**
 * Whether a text is one that a pattern describes: `*` stands for any run of UTF-16 units, `?` for one, all else for itself. Goes back to the last star alone, so
 * time grows as the text's length by the pattern's at most, whatever they are.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let place = 0;
  let afterStar = -1;
  let resume = 0; // where the text goes on after what the last star has taken
  for (let at = 0; at < text.length; ) {
    const wanted = pattern.charCodeAt(place); // NaN at the end
    if (wanted === star) {
      afterStar = ++place;
      resume = at;
    } else if (wanted === question || wanted === text.charCodeAt(at)) {
      place++;
      at++;
    } else if (afterStar >= 0) {
      place = afterStar;
      at = ++resume;
    } else return false;
  }
  while (pattern.charCodeAt(place) === star) place++;
  return place === pattern.length;
}
