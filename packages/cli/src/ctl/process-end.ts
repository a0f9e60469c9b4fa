/** How often it is looked, in milliseconds. */
const lookMs = 20;

/** Resolves when there is no process of that number any more. One that is not its caller's child tells nobody: so it is looked for. */
export async function processEnd(pid: number): Promise<void> {
  while (lives(pid)) await new Promise((resolve) => setTimeout(resolve, lookMs));
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'; // somebody else's
  }
}
