/** `key = value` of a line, without a comment. */
const assignment = /^\s*([\w."'-]+)\s*=\s*(.*?)\s*(?:#.*)?$/;

/**
 * What is wrong with a line of a TOML file, and what to write: common mistakes of users of other formats.
 * @param line the line in which the parser stopped
 * @param previous the line before it
 * @param message the message of the parser
 */
export function syntaxAdvice(line: string, previous: string, message: string): string {
  if (/same line/.test(message) && isOpenHeader(previous)) return `the closing bracket is missing in the line before: ${closed(previous)}`;
  const [, key = '', value = ''] = assignment.exec(line) ?? [];
  if (/^\s*;/.test(line)) return 'a comment begins with #, not with ;';
  if (/multiple times/.test(message)) return `${line.trim()} is defined a second time: merge the two`;
  if (/^(yes|on)$/i.test(value)) return `${key} = ${value}: write ${key} = true`;
  if (/^(no|off)$/i.test(value)) return `${key} = ${value}: write ${key} = false, or "off" in quotes where a word is expected`;
  if (/^(true|false)$/i.test(value)) return `${key} = ${value}: write it in small letters`;
  if (/escape/.test(message))
    return `a backslash in double quotes begins an escape: use single quotes, ${key} = ${value.replaceAll('"', "'")}`;
  if (/^["'][^"']*$/.test(value)) return `the closing quote is missing: ${key} = ${value}${value[0]}`;
  if (key !== '' && value === '') return `${key} has no value`;
  if (key !== '' && /newline|character/.test(message) && !/brace/.test(message) && /^[^"'[{]/.test(value))
    return `put the value in quotes: ${key} = "${value.replaceAll('"', '\\"')}"`;
  if (isOpenHeader(line)) return `the closing bracket is missing: ${closed(line)}`;
  if (!line.includes('=') && line.trim() !== '') return `"${line.trim()}" is neither [table] nor key = value`;
  return `${message.charAt(0).toLowerCase()}${message.slice(1)}`;
}

/** Whether a line starts a table header without closing its bracket. */
const isOpenHeader = (line: string): boolean => /^\s*\[[^\]=]*$/.test(line);
const closed = (line: string): string => `${line.trim()}${line.trim().startsWith('[[') ? ']]' : ']'}`;
