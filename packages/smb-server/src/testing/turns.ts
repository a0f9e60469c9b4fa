/** Waits this many turns of the event loop, so that everything runs that can run now. */
export async function turns(count = 5): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}
