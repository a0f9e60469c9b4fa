import { memoryLink } from '@ring3/netlink';
import { CthelperClient } from '@ring3/nfnetlink';
import { Unsupported } from './format.ts';
import type { Machine, Realm } from './machine.ts';

/** Runs a shell line on ring3. @returns the exit status @throws Unsupported */
export async function runShell(machine: Machine, line: string): Promise<number> {
  let status = 0;
  let operator = ';';
  for (const part of splitLine(line)) {
    if (part === ';' || part === '&&' || part === '||') {
      operator = part;
      continue;
    }
    const runs = operator === ';' || (operator === '&&') === (status === 0);
    if (runs) status = await runPipeline(machine, part);
  }
  return status;
}

/** Splits a line at `;`, `&&` and `||` outside quotes. */
function splitLine(line: string): string[] {
  return (line.match(/"[^"]*"|'[^']*'|;|&&|\|\||[^;&|"']+|[&|]/g) ?? [])
    .reduce<string[]>(
      (parts, piece) => {
        if (piece === ';' || piece === '&&' || piece === '||') parts.push(piece, '');
        else parts[parts.length - 1] += piece;
        return parts;
      },
      [''],
    )
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Only the first command of a pipeline is run; filters such as `grep` after it only process its output, which is not compared. */
async function runPipeline(machine: Machine, pipeline: string): Promise<number> {
  const [first = '', ...filters] = pipeline.split(/\|/);
  for (const filter of filters) {
    if (!/^\s*(grep|sort|wc|head|tail|cut)\b/.test(filter)) throw new Unsupported(`\`${filter.trim()}\` in a pipeline`);
  }
  return runCommand(machine, machine.home, first.trim());
}

async function runCommand(machine: Machine, realm: Realm, command: string): Promise<number> {
  const [program, ...rest] = command.split(/\s+/);
  if (program === 'sleep') machine.clock.advance(Number(rest[0]) * 1000);
  if (program === 'ip' && rest[0] === 'netns') return runNetns(machine, rest.slice(1));
  if (program === 'python3' && rest.some((word) => word.endsWith('/hlist.py'))) return runHelperList(realm, rest.at(-1) === 'add');
  // reading a setting succeeds if it exists
  if (program === 'sysctl' && !command.includes('=')) {
    return rest.every((word) => word.startsWith('-') || realm.namespace.sysctls.get(word) !== undefined) ? 0 : 255;
  }
  const status = realm.desk.run(command);
  if (status === undefined) throw new Unsupported(`\`${command}\``);
  return status;
}

async function runNetns(machine: Machine, [verb, name = '', ...command]: readonly string[]): Promise<number> {
  const realm = machine.others.get(name);
  if (verb === 'add') {
    if (realm !== undefined) return 1;
    machine.others.set(name, machine.makeRealm());
    return 0;
  }
  if (verb !== 'del' && verb !== 'exec') throw new Unsupported(`\`ip netns ${verb}\``);
  if (realm === undefined) return 1;
  if (verb === 'exec') return runCommand(machine, realm, command.join(' '));
  realm.namespace.close();
  machine.others.delete(name);
  return 0;
}

/** The recorder's script: lists the helpers, or adds one. */
async function runHelperList({ server }: Realm, add: boolean): Promise<number> {
  const client = new CthelperClient(memoryLink(server));
  const classes = [{ name: 'x', max: 1, timeoutSeconds: 9 }];
  if (add) await client.add({ name: 'made', l3proto: 2, l4proto: 6, queueNumber: 0, classes, privateLength: 0, enabled: false });
  else for await (const _helper of client.list());
  client.close();
  return 0;
}
