/**
 * node scripts/prose.ts [--worst N] [--update] [PATH…]
 * Counts words that make English hard to read, in Markdown and in comments of TypeScript and JavaScript (CONTRIBUTING.md lists better ones), and prints
 * the N sentences with most of them; default 20. `--update` writes test/prose-baseline.json, whose counts may only fall.
 */
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { flag, readOptions, whole, wrongUsage } from './options.ts';

/** A kind of hard wording: its name, and the words. */
const kinds: Readonly<Record<string, RegExp>> = {
  'indefinite person': /\b(?:who|whom)ever\b|\b(?:some|no|any|every)body\b/gi,
  'tell for report or log': /\bt(?:ell|ells|old|elling)\b/gi,
  'where for if':
    /\bwhere (?:it|there|they|that|the|one|somebody|nobody|a|what) (?:is|are|was|were|has|have|can|cannot|may|must|will|does|do|did|goes|comes|asks?|says?|wants?|needs?|allows?|holds?)\b/gi,
  'what-clause as subject': /(?:^|[.;:,(] ?)what (?:is|was|it|they|goes|comes|has|does|there|holds|waits|stands|follows|one)\b/gim,
  'go for close or delete': /\bgo(?:es|ne)\b/gi,
  'is none, is no': /(?<!\bthere )\b(?:is|are|was) (?:none|no(?! (?:longer|more)\b))\b/gi,
  'stand for be': /\bst(?:ands?|ood)\b/gi,
  'let go, let in': /\blets? (?:go|in)\b/gi,
  'beside, alone, behind, anew': /\b(?:beside|alone|behind|anew)\b/gi,
  'unless given': /\bunless (?:given|said|told)\b/gi,
};

/** Counts by kind. */
export type Counts = Readonly<Record<string, number>>;

const root = resolve(import.meta.dirname, '..');
/** The counted file groups; a count is kept for each. */
export const groups: Readonly<Record<string, readonly string[]>> = {
  documents: ['*.md', 'docs/**/*.md', 'deploy/*.md', 'packages/*/README.md', '.github/**/*.md'],
  sources: ['packages/*/{src,bin}/**/*.{ts,js}'],
  'tests and scripts': ['{test,scripts,bench,examples}/**/*.ts', 'packages/exec/test/**/*.ts'],
};
export const baselinePath = join(root, 'test/prose-baseline.json');

/** The prose of a file: Markdown without code, or the comments of a program. Quoted code counts as one word. */
export function proseOf(path: string, text: string): string {
  if (path.endsWith('.md')) return text.replace(/```[\s\S]*?```/g, '').replace(/`[^`]*`/g, 'x');
  const comments = text.match(/\/\*[\s\S]*?\*\/|(?<![:'"`])\/\/[^\n]*/g) ?? [];
  return comments
    .map((comment) => comment.replace(/^\s*\*\s?/gm, '').replace(/\/\*+|\*+\/|\/\//g, ' '))
    .join('\n')
    .replace(/```[\s\S]*?```/g, '')
    .replace(/`[^`]*`/g, 'x');
}

/** Counts the hard words of a text. */
export const countIn = (text: string): Counts =>
  Object.fromEntries(Object.entries(kinds).map(([kind, words]) => [kind, text.match(words)?.length ?? 0]));

const total = (counts: Counts): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** The files of a group, or below a path. */
function filesOf(patterns: readonly string[]): string[] {
  return globSync([...patterns], { cwd: root })
    .filter((path) => !/(^|\/)(node_modules|dist|golden|expected)\//.test(path))
    .sort();
}

/** Counts of all files that the patterns select. */
export function countFiles(patterns: readonly string[]): Counts {
  const sums: Record<string, number> = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, 0]));
  for (const path of filesOf(patterns)) {
    for (const [kind, count] of Object.entries(countIn(proseOf(path, readFileSync(join(root, path), 'utf8')))))
      sums[kind] = (sums[kind] ?? 0) + count;
  }
  return sums;
}

/** The sentences with two or more hard words, the worst first. */
function worstOf(patterns: readonly string[]): { path: string; sentence: string; count: number }[] {
  return filesOf(patterns)
    .flatMap((path) =>
      proseOf(path, readFileSync(join(root, path), 'utf8'))
        .replace(/\n(?!\n)/g, ' ')
        .split(/(?<=[.;:!?])\s+|\n\n/)
        .map((sentence) => ({ path, sentence: sentence.trim(), count: total(countIn(sentence)) })),
    )
    .filter(({ count }) => count >= 2)
    .sort((a, b) => b.count / b.sentence.length - a.count / a.sentence.length);
}

if (import.meta.main) {
  const usage = 'node scripts/prose.ts [--worst N] [--update] [PATH…]';
  const { values, words } = readOptions({
    usage,
    maxWords: Number.POSITIVE_INFINITY,
    options: { worst: whole(0, 1_000_000, 20), update: flag },
  });
  const given = words.map((path) => {
    const inside = relative(root, resolve(path));
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined || inside.startsWith('..')) wrongUsage(`no file or directory ${JSON.stringify(path)} in this checkout`, usage);
    return found.isDirectory() ? `${inside === '' ? '**' : `${inside}/**`}/*.{md,ts,js}` : inside;
  });
  const patterns = given.length > 0 ? given : Object.values(groups).flat();
  for (const [kind, count] of Object.entries(countFiles(patterns))) console.log(`${String(count).padStart(5)}  ${kind}`);
  for (const { path, sentence } of worstOf(patterns).slice(0, values.worst)) console.log(`${path}: ${sentence.slice(0, 200)}`);
  if (values.update) {
    const counts = Object.fromEntries(Object.entries(groups).map(([name, files]) => [name, countFiles(files)]));
    writeFileSync(baselinePath, `${JSON.stringify(counts, null, 2)}\n`);
  }
}
