let quiet = false;

/** Switches notes off: `--quiet`. */
export function beQuiet(): void {
  quiet = true;
}

/** Whether `--quiet` was given. */
export const isQuiet = (): boolean => quiet;

/**
 * Prints on a terminal what was done, or that a list is empty. Programs and logs do not receive it: standard output contains only
 * requested output.
 */
export function note(text: string): void {
  if (!quiet && process.stdout.isTTY === true && process.stderr.isTTY === true) console.error(text);
}
