let quiet = false;

/** Switches notes off: `--quiet`. */
export function beQuiet(): void {
  quiet = true;
}

/** Whether `--quiet` was given. */
export const isQuiet = (): boolean => quiet;

/**
 * Says on a terminal what was done, or that a list is empty. A program that reads the output, or a log that keeps it, gets nothing: standard output holds only
 * what was asked for.
 */
export function note(text: string): void {
  if (!quiet && process.stdout.isTTY === true && process.stderr.isTTY === true) console.error(text);
}
