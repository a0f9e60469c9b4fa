import type { Command } from 'commander';
import { note } from '../note.ts';
import { printJson, printLine } from '../output.ts';
import { passwordFor } from '../password.ts';
import { addStateOptions, type StateOptions, stateDirOf, tellDaemon } from '../state-at.ts';
import { checkUserName } from '../user-name.ts';

/** Storage of users: a state directory, or the ksmbdpwd.db of a ksmbd.conf. */
interface UserList extends Disposable {
  users(): readonly { readonly name: string; readonly rid?: number }[];
  user(name: string): object | undefined;
  addUser(name: string, ntHash: Uint8Array): boolean;
  setPassword(name: string, ntHash: Uint8Array): boolean;
  deleteUser(name: string): boolean;
}

/** `ring3 user …`: the users of a state directory, or of a ksmbd.conf. A running daemon uses a change at the next logon. */
export function addUser(program: Command): void {
  const user = addStateOptions(program.command('user').enablePositionalOptions(false)).description('the users that may log on');
  const options = () => user.opts<StateOptions>();
  const change = async (work: (users: UserList) => unknown, user?: string): Promise<void> => {
    {
      using users = await open(options());
      await work(users);
    }
    const reload = await isKsmbd(options());
    const path = reload ? (options().config as string) : await stateDirOf(options());
    if (reload || user !== undefined) await tellDaemon(options(), { path, reload, living: user === undefined ? undefined : { user } });
  };
  const must = (done: boolean, otherwise: string): void => {
    if (!done) throw new Error(otherwise);
  };

  user
    .command('add <name>')
    .description('add a user; the password is asked for, or taken from RING3_PASSWORD')
    .option('--allow-empty-password', 'accept an empty password')
    .action((name: string, options: NewPassword) => {
      checkUserName(name);
      return change(async (users) => {
        must(users.user(name) === undefined, exists(name));
        must(users.addUser(name, await hashFor(name, options)), exists(name));
        note(`${name} added`);
      });
    });
  user
    .command('password <name>')
    .description("change a user's password")
    .option('--allow-empty-password', 'accept an empty password')
    .option('--living', "end the user's sessions: clients have to log on again")
    .action((name: string, { living, ...options }: NewPassword & { living?: true }) =>
      change(async (users) => {
        must(users.user(name) !== undefined, `there is no user ${name}`);
        users.setPassword(name, await hashFor(name, options));
        note(`the password of ${name} is changed`);
      }, living && name),
    );
  user
    .command('delete <name>')
    .description('delete a user')
    .option('--living', "end the user's sessions")
    .action((name: string, { living }: { living?: true }) =>
      change((users) => {
        must(users.deleteUser(name), `there is no user ${name}`);
        note(`${name} deleted`);
      }, living && name),
    );
  user
    .command('list')
    .description('the users, one on each line')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: boolean }) => {
      using list = await open(options());
      const users = list.users().map(({ name, rid }) => ({ name, rid }));
      if (json === true) printJson(users);
      else for (const { name } of users) printLine(name);
      if (users.length === 0) note('no users: "ring3 user add NAME" adds one');
    });
}

async function isKsmbd({ config }: StateOptions): Promise<boolean> {
  if (config === undefined) return false;
  const { isKsmbdConf } = await import('@ring3/daemon/config');
  return isKsmbdConf(config);
}

/** The storage that the options name. @throws Error in one line if the configuration or the state cannot be read */
async function open(options: StateOptions): Promise<UserList> {
  if (await isKsmbd(options)) {
    const { KsmbdUsers, ksmbdUsersOf, readConfiguration } = await import('@ring3/daemon/config');
    readConfiguration(options.config as string); // a mistyped name must not create a file
    return new KsmbdUsers(ksmbdUsersOf(options.config as string));
  }
  const { StateStore } = await import('@ring3/daemon/state');
  return new StateStore(await stateDirOf(options));
}

interface NewPassword {
  readonly allowEmptyPassword?: true;
}

const exists = (name: string): string => `user ${name} exists already: "ring3 user password ${name}" changes the password`;

async function hashFor(name: string, { allowEmptyPassword }: NewPassword): Promise<Uint8Array> {
  const { ntHash } = await import('@ring3/smb-proto');
  return ntHash(await passwordFor(name, { allowEmpty: allowEmptyPassword, confirm: true }));
}
