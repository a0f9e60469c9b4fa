import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigurationError } from './configuration-error.ts';
import { readKsmbdConf } from './ksmbd/read-conf.ts';
import { readKsmbdUsers } from './ksmbd/users.ts';
import { readToml } from './toml.ts';

const pieces = [
  ...[
    '[server]',
    '[limits]',
    '[share.a]',
    '[share."ä b"]',
    '[share.__proto__]',
    '[[rule]]',
    '[timeout.p]',
    '[global]',
    '[x]',
    '[',
    ']',
    '[[',
  ],
  ...[
    'port',
    'path',
    'users',
    'protocol',
    'established',
    'timeout',
    'name',
    'valid users',
    'veto files',
    'read only',
    'constructor',
    '__proto__',
  ],
  ...[' = ', '=', '"', "'", '"""', '{', '}', ',', '#', ';', '\n', '\r\n', '\t', ' ', '\\u0000', '\\n', '\u0000', '\u001b[31m', '\u2028'],
  ...[
    '0',
    '445',
    '-1',
    '1e400',
    'nan',
    '99999999999999999999',
    '0x10',
    '1979-05-27',
    'true',
    'yes',
    '"/srv"',
    '["anna"]',
    '@root',
    'h42AFGBs2ilnekTvoTU/xw==',
  ],
];
const text = fc.array(fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...pieces) }, { weight: 1, arbitrary: fc.string() }), {
  maxLength: 30,
});

for (const [what, read] of [
  ['a TOML file', (source: string): object => readToml(source, 'f')],
  ['a ksmbd.conf', (source: string): object => readKsmbdConf(source, 'f')],
  ['a ksmbdpwd.db', (source: string): object => readKsmbdUsers(source, 'f')],
] as const)
  test(`any text in ${what} is read, or rejected in one printable line`, () => {
    fc.assert(
      fc.property(text, (parts) => {
        const source = parts.join('');
        let said: readonly string[];
        try {
          const found = read(source) as { readonly warnings: readonly string[] };
          said = found.warnings;
        } catch (error) {
          ok(error instanceof ConfigurationError, `${error}`);
          said = [error.message];
        }
        for (const line of said) ok(/^f:\d+(:\d+)?: \P{Cc}+$/u.test(line), JSON.stringify(line));
      }),
      { numRuns: 1000 },
    );
  });
