const star = 0x2a; // *
const question = 0x3f; // ?

/**
 * Returns whether a text matches a pattern: `*` matches any run of UTF-16 units, `?` matches one, any other character itself. Backtracks only to the last star, so
 * the time is at most proportional to the product of both lengths.
 */
export function matchesWildcard(pattern: string, text: string): boolean {
  let place = 0;
  let afterStar = -1;
  let resume = 0; // the position in the text after the part that the last star matched
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
