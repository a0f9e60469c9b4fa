import { memoryLink, NetlinkError } from '@ring3/netlink';
import { CthelperClient, CttimeoutClient, IpProtocol } from '@ring3/nfnetlink';
import { Unsupported } from './format.ts';
import { runIptables } from './iptables.ts';
import type { Machine, Realm } from './machine.ts';

/** Does what a shell line does, on ring3. @returns the exit status @throws Unsupported */
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

/** Cuts a line at `;`, `&&` and `||` outside quotes. */
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

/** Words of a simple command; quotes are taken off. */
function words(command: string): string[] {
  return (command.match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? []).map((word) => word.replace(/["']/g, ''));
}

/** Only the first command of a pipeline acts; `grep` and its kin behind it only look at what it printed, which is not compared. */
async function runPipeline(machine: Machine, pipeline: string): Promise<number> {
  const [first = '', ...filters] = pipeline.split(/\|/);
  for (const filter of filters)
    if (!/^\s*(grep|sort|wc|head|tail|cut)\b/.test(filter)) throw new Unsupported(`\`${filter.trim()}\` in a pipeline`);
  return runCommand(machine, machine.home, words(first));
}

async function runCommand(machine: Machine, realm: Realm, argv: readonly string[]): Promise<number> {
  const [program, ...rest] = argv;
  switch (program) {
    case 'iptables':
    case 'ip6tables':
    case 'iptables-legacy':
    case 'ip6tables-legacy':
      return runIptables(realm.namespace, program.startsWith('ip6') ? 10 : 2, rest);
    case 'nfct':
      return runNfct(realm, rest);
    case 'sysctl':
      return runSysctl(realm, rest);
    case 'python3':
      if (rest.some((word) => word.endsWith('/hlist.py'))) return runHelperList(realm, rest.at(-1) === 'add');
      break;
    case 'sleep':
      machine.clock.advance(Number(rest[0]) * 1000);
      return 0;
    case 'ip':
      if (rest[0] === 'netns') return runNetns(machine, rest.slice(1));
  }
  throw new Unsupported(`\`${argv.join(' ')}\``);
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
  if (verb === 'exec') return runCommand(machine, realm, command);
  realm.namespace.close();
  machine.others.delete(name);
  return 0;
}

/** The recorder's own script: lists the helpers, or adds one. */
async function runHelperList({ server }: Realm, add: boolean): Promise<number> {
  const client = new CthelperClient(memoryLink(server));
  const classes = [{ name: 'x', max: 1, timeoutSeconds: 9 }];
  if (add) await client.add({ name: 'made', l3proto: 2, l4proto: 6, queueNumber: 0, classes, privateLength: 0, enabled: false });
  else for await (const _helper of client.list());
  client.close();
  return 0;
}

function runSysctl({ namespace }: Realm, argv: readonly string[]): number {
  let status = 0;
  for (const word of argv.filter((one) => !one.startsWith('-'))) {
    const [name = '', value] = word.split('=');
    const failed = value === undefined ? namespace.sysctls.get(name) === undefined : namespace.sysctls.set(name, value) !== undefined;
    if (failed) status = 255;
  }
  return status;
}

const families: Readonly<Record<string, number>> = { inet: 2, inet6: 10 };
const verbs = ['add', 'list', 'get', 'delete', 'del', 'flush', 'default-set', 'default-get'];

/** `nfct timeout VERB …`, also in the order `nfct VERB timeout …`. */
async function runNfct({ server }: Realm, argv: readonly string[]): Promise<number> {
  const [subsystem = '', verb = '', ...rest] = argv[0] === 'timeout' ? argv : [argv[1] ?? '', argv[0] ?? '', ...argv.slice(2)];
  if (subsystem !== 'timeout' || !verbs.includes(verb)) throw new Unsupported(`\`nfct ${argv.join(' ')}\``);
  const client = new CttimeoutClient(memoryLink(server));
  try {
    await nfctTimeout(client, verb, rest);
    return 0;
  } catch (error) {
    if (error instanceof NetlinkError || error instanceof TypeError) return 1;
    throw error;
  } finally {
    client.close();
  }
}

async function nfctTimeout(client: CttimeoutClient, verb: string, rest: readonly string[]): Promise<void> {
  const name = Buffer.from(rest[0] ?? '').toString('latin1');
  if (verb === 'list') for await (const _policy of client.list());
  else if (verb === 'flush') await client.flush();
  else if (verb === 'get') await client.get(name);
  else if (verb === 'delete' || verb === 'del') await client.delete(name);
  else {
    const [family = '', protocol = '', ...values] = verb === 'add' ? rest.slice(1) : rest;
    const l3proto = families[family] ?? 0;
    const l4proto = protocolNumber(protocol);
    const timeouts = timeoutValues(values);
    if (verb === 'add') await client.add({ name, l3proto, l4proto, timeouts });
    else if (verb === 'default-set') await client.defaultSet(l3proto, l4proto, timeouts);
    else await client.defaultGet(l3proto, l4proto);
  }
}

/** `established 100 fin_wait 10` as values by name. */
function timeoutValues(values: readonly string[]): Record<string, number> {
  const shorter: Readonly<Record<string, string>> = { unacknowledged: 'unack', synSent2: 'synSent2' };
  const found: Record<string, number> = {};
  for (let i = 0; i + 1 < values.length; i += 2) {
    const name = (values[i] as string).toLowerCase().replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    found[shorter[name] ?? name] = Number(values[i + 1]);
  }
  return found;
}

/** A protocol's number by its name in `/etc/protocols` or nfct. @throws Unsupported */
export function protocolNumber(name: string): number {
  if (/^\d+$/.test(name)) return Number(name);
  const known: Readonly<Record<string, number>> = { ...IpProtocol, 'ipv6-icmp': 58, all: 0 };
  const found = Object.entries(known).find(([word]) => word.toLowerCase() === name.toLowerCase());
  if (found === undefined) throw new Unsupported(`protocol ${name}`);
  return found[1];
}
