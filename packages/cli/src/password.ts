import { randomInt } from 'node:crypto';
import { UsageError } from './usage.ts';

const letters = 'abcdefghjkmnpqrstuvwxyz23456789'; // none that a reader takes for another

/** A password of 79 random bits, easy to read aloud. */
export const makePassword = (): string =>
  Array.from({ length: 4 }, () => Array.from({ length: 4 }, () => letters[randomInt(letters.length)]).join('')).join('-');

/**
 * The password for a user: given, from `RING3_PASSWORD`, or asked for on the terminal without echo.
 * @throws UsageError where there is none of these
 */
export async function passwordFor(name: string, given?: string): Promise<string> {
  const known = given ?? process.env['RING3_PASSWORD'];
  if (known !== undefined) return known;
  if (process.stdin.isTTY !== true) throw new UsageError(`no password for ${name}: set RING3_PASSWORD, or run on a terminal to be asked`);
  return ask(`password for ${name}: `);
}

function ask(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(prompt);
  stdin.setRawMode(true).setEncoding('utf8').resume();
  return new Promise((resolve, reject) => {
    let typed = '';
    const done = (): void => {
      stdin.off('data', hear).setRawMode(false).pause();
      stderr.write('\n');
    };
    const hear = (text: string): void => {
      for (const letter of text) {
        if (letter === '\r' || letter === '\n' || letter === '\u0004') {
          done();
          resolve(typed);
        } else if (letter === '\u0003') {
          done();
          reject(new Error('interrupted'));
        } else if (letter === '\u007f' || letter === '\b') typed = [...typed].slice(0, -1).join('');
        else typed += letter;
      }
    };
    stdin.on('data', hear);
  });
}
