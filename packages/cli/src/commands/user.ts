import type { Command } from 'commander';
import { passwordFor } from '../password.ts';
import { UsageError } from '../usage.ts';

/** `ring3 user …`: the users of a state directory. A running daemon knows of a change at the next log-on. */
export function addUser(program: Command): void {
  const user = program
    .command('user')
    .enablePositionalOptions(false)
    .description('the users that may log on')
    .option('--state-dir <dir>', 'the state directory');
  const open = async () => {
    const [{ StateStore }, { defaultStateDir }] = await Promise.all([import('@ring3/daemon/state'), import('@ring3/daemon/places')]);
    return new StateStore(user.opts<{ stateDir?: string }>().stateDir ?? defaultStateDir());
  };
  const hash = async (name: string): Promise<Uint8Array> => {
    const { ntHash } = await import('@ring3/smb-proto');
    return ntHash(await passwordFor(name));
  };
  const must = (done: boolean, otherwise: string): void => {
    if (!done) throw new Error(otherwise);
  };

  user
    .command('add <name>')
    .description('add a user; the password is asked for, or taken from RING3_PASSWORD')
    .action(async (name: string) => {
      checkUserName(name);
      using store = await open();
      must(store.addUser(name, await hash(name)), `there is a user ${name} already`);
    });
  user
    .command('password <name>')
    .description('give a user a new password')
    .action(async (name: string) => {
      using store = await open();
      must(store.user(name) !== undefined, `there is no user ${name}`);
      store.setPassword(name, await hash(name));
    });
  user
    .command('delete <name>')
    .description('remove a user')
    .action(async (name: string) => {
      using store = await open();
      must(store.deleteUser(name), `there is no user ${name}`);
    });
  user
    .command('list')
    .description('the users, one a line')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      using store = await open();
      const users = store.users().map(({ name, rid }) => ({ name, rid }));
      if (json === true) console.log(JSON.stringify(users));
      else for (const { name } of users) console.log(name);
    });
}

/** Account names hold 1 to 20 characters, none of `"/\[]:;|=,+*?<>@` and no control characters (MS-SAMR 3.1.1.6 and SAM account names). @throws UsageError */
export function checkUserName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (name.length === 0 || name.length > 20 || /["/\\[\]:;|=,+*?<>@\u0000-\u001f]/.test(name)) {
    throw new UsageError(`"${name}" is no user name: 1 to 20 characters, none of "/\\[]:;|=,+*?<>@`);
  }
}
