import { ConfigurationError } from '../configuration-error.ts';

/** A parameter as it is in the file. */
export interface Entry {
  readonly value: string;
  readonly line: number;
}

/** A section with its parameters, by name in lower case. */
export interface Section {
  readonly name: string;
  /** The line in which it starts. */
  readonly line: number;
  readonly entries: Map<string, Entry>;
}

/**
 * Reads the sections of a ksmbd.conf(5), in their order. If the manual leaves something open, ring3 does what ksmbd-tools 3.4.7 was seen to
 * do: names of sections are compared without case, a repeated section is continued, and the first non-empty value of a repeated parameter
 * counts.
 * @param note is called for text that is read differently than it looks
 * @throws ConfigurationError for an invalid line
 */
export function readSections(source: string, file: string, note: (line: number, what: string) => void): Section[] {
  const found = new Map<string, Section>();
  let section: Section | undefined;
  for (const [i, text] of source.split(/\r?\n/).entries()) {
    const line = i + 1;
    const rest = text.trim();
    if (rest === '' || isComment(rest)) continue;
    if (rest.startsWith('[')) section = enter(found, rest, line, file, note);
    else put(section, rest, line, file, note);
  }
  return [...found.values()];
}

/** Spellings of smb.conf(5) that are common in a ksmbd.conf(5). */
const synonyms = new Map([['browsable', 'browseable']]);

const isComment = (text: string): boolean => text.startsWith(';') || text.startsWith('#');

function enter(found: Map<string, Section>, text: string, line: number, file: string, note: (line: number, what: string) => void): Section {
  const end = text.indexOf(']');
  if (end < 0) throw new ConfigurationError(file, line, `"${text}" has no ] at its end`);
  const behind = text.slice(end + 1).trim();
  if (behind !== '' && !isComment(behind)) note(line, `"${behind}" after a section's name is ignored`);
  const name = text.slice(1, end).trim();
  const folded = name.toLowerCase();
  const section = found.get(folded) ?? { name, line, entries: new Map() };
  found.set(folded, section);
  return section;
}

function put(section: Section | undefined, text: string, line: number, file: string, note: (line: number, what: string) => void): void {
  const equals = text.indexOf('=');
  const spelled = text.slice(0, Math.max(equals, 0)).trim().toLowerCase().replace(/\s+/g, ' ');
  const name = synonyms.get(spelled) ?? spelled;
  if (name === '') throw new ConfigurationError(file, line, `"${text}" is neither a [section] nor a parameter = value`);
  const written = text.slice(equals + 1).trim();
  const comment = /(?:^|\s)[;#].*$/.exec(written);
  const value = comment === null ? written : written.slice(0, comment.index).trim();
  if (comment !== null)
    note(line, `"${comment[0].trim()}" is taken for a comment, as ksmbd.conf(5) says; ksmbd-tools take it for part of the value`);
  if (section === undefined) {
    if (value === '') return;
    throw new ConfigurationError(file, line, 'a parameter before the first [section]');
  }
  const before = section.entries.get(name);
  if (before === undefined || before.value === '') section.entries.set(name, { value, line });
  else if (value !== '' && value !== before.value)
    note(line, `[${section.name}] ${name} has a value in line ${before.line} already, which counts`);
}
