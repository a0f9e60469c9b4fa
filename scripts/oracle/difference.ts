import { describeDatagram } from '@ring3/nfnetlink';
import { fromHex } from '@ring3/wire';

/** Compares two lists of datagrams in hexadecimal. @returns the differences, both sides as trees */
export function difference(wanted: readonly string[], found: readonly string[]): string[] {
  const lines: string[] = [];
  for (let i = 0; i < Math.max(wanted.length, found.length); i++) {
    const [left, right] = [wanted[i], found[i]];
    if (left === right) continue;
    lines.push([`datagram ${i + 1}`, ...show('kernel', left), ...show('ring3 ', right), firstDifference(left, right)].join('\n      '));
  }
  return lines;
}

function show(who: string, datagram: string | undefined): string[] {
  if (datagram === undefined) return [`${who} nothing`];
  return describeDatagram(fromHex(datagram)).map((line) => `${who} ${line}`);
}

/** The first different byte with its context: trees may be equal although padding or byte order differ. */
function firstDifference(left: string | undefined, right: string | undefined): string {
  if (left === undefined || right === undefined) return 'one side sent no further datagram';
  let at = 0;
  while (at < left.length && left[at] === right[at]) at++;
  at -= at % 2;
  const around = (text: string): string => text.slice(at, at + 16) || 'the end';
  return `from byte ${at / 2}: kernel ${around(left)}, ring3 ${around(right)}`;
}
