import { isDeepStrictEqual } from 'node:util';
import type { Namespace } from '@ring3/conntrack';
import { Unsupported } from './format.ts';
import { protocolNumber } from './shell.ts';

type Match = Parameters<Namespace['rules']['add']>[0];
type Target = Parameters<Namespace['rules']['add']>[1];
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** `iptables -t raw -A|-D|-F CHAIN … -j CT …` as ring3 rules. @param family AF_INET 2 or AF_INET6 10 @returns the exit status */
export function runIptables(namespace: Namespace, family: number, argv: readonly string[]): number {
  const left = [...argv];
  if (left[0] === '-w') left.shift();
  if (left.shift() !== '-t' || left.shift() !== 'raw') throw new Unsupported(`iptables outside the raw table: \`${argv.join(' ')}\``);
  const verb = left.shift();
  if (verb === '-S' || verb === '-L') return 0;
  if (verb === '-F') {
    const direction = left.length === 0 ? undefined : directionOf(left[0] as string);
    namespace.rules.flush(({ match }) => match.family === family && (direction === undefined || match.direction === direction));
    return 0;
  }
  if (verb !== '-A' && verb !== '-D') throw new Unsupported(`\`iptables ${argv.join(' ')}\``);
  const { match, target } = parseRule(family, left);
  if (verb === '-A') return typeof namespace.rules.add(match, target) === 'string' ? 4 : 0;
  const rule = namespace.rules.list().find((one) => isDeepStrictEqual(one.match, match) && isDeepStrictEqual(one.target, target));
  if (rule === undefined) return 1;
  namespace.rules.delete(rule.id);
  return 0;
}

function directionOf(chain: string): 'in' | 'out' {
  if (chain === 'PREROUTING') return 'in';
  if (chain === 'OUTPUT') return 'out';
  throw new Unsupported(`chain ${chain}`);
}

function parseRule(family: number, words: string[]): { match: Match; target: Target } {
  const match: Mutable<Match> = { family, direction: directionOf(words.shift() ?? '') };
  const target: Mutable<Target> = {};
  let inverted = false;
  while (words.length > 0) {
    const word = words.shift() as string;
    if (word === '!') {
      inverted = true;
      continue;
    }
    parseOption(word, words, match, target, inverted);
    inverted = false;
  }
  return { match, target };
}

function parseOption(word: string, words: string[], match: Mutable<Match>, target: Mutable<Target>, inverted: boolean): void {
  const argument = (): string => words.shift() ?? '';
  const inversion = inverted ? { inverted } : {};
  switch (word) {
    case '-p':
      match.protocol = protocolNumber(argument());
      if (inverted) match.protocolInverted = true;
      return;
    case '--dport':
      match.destinationPort = { ...ports(argument()), ...inversion };
      return;
    case '--sport':
      match.sourcePort = { ...ports(argument()), ...inversion };
      return;
    case '-i':
      match.ingress = argument();
      return;
    case '-m':
      argument();
      return;
    case '-j':
      jump(argument(), target);
      return;
    case '--timeout':
      target.timeout = argument();
      return;
    case '--helper':
      target.helper = argument();
      return;
    case '--zone':
      target.zone = Number(argument());
      return;
    case '--notrack':
      target.notrack = true;
      return;
    default:
      throw new Unsupported(`iptables ${word}`);
  }
}

function jump(name: string, target: Mutable<Target>): void {
  if (name === 'NOTRACK') target.notrack = true;
  else if (name !== 'CT') throw new Unsupported(`target ${name}`);
}

function ports(text: string): { from: number; to: number } {
  const [from, to = from] = text.split(':').map(Number) as [number, number?];
  return { from, to };
}
