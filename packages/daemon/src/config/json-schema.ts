import { longestTimeoutSeconds } from '@ring3/nfnetlink';
import { auditKeys, consoleKeys, daemonKeys, limitKeys, serverKeys } from './configuration.ts';
import type { Keys } from './keys.ts';
import { ruleKeys, sysctlKeys, timeoutKeys } from './netfilter.ts';
import { shareKeys } from './share-keys.ts';

const tableSchema = (keys: Keys, required: readonly string[] = []): object => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(Object.entries(keys).map(([name, { about, schema }]) => [name, { description: about, ...schema }])),
  ...(required.length === 0 ? {} : { required }),
});

/** The JSON Schema (2020-12) of ring3's configuration, for editors. Generated from the tables that read the configuration. */
export const configurationSchema = (): object => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'ring3',
  description: "Configuration of ring3's daemon (TOML)",
  type: 'object',
  additionalProperties: false,
  properties: {
    server: tableSchema(serverKeys),
    limits: tableSchema(limitKeys),
    daemon: tableSchema(daemonKeys),
    console: tableSchema(consoleKeys),
    audit: tableSchema(auditKeys),
    sysctl: tableSchema(sysctlKeys),
    timeout: {
      type: 'object',
      additionalProperties: {
        ...tableSchema(timeoutKeys, ['protocol']),
        description: 'A timeout policy; beside these, seconds by state: established = 100',
        additionalProperties: { type: 'integer', minimum: 0, maximum: longestTimeoutSeconds },
      },
    },
    rule: { type: 'array', items: tableSchema(ruleKeys) },
    share: {
      type: 'object',
      additionalProperties: { ...tableSchema(shareKeys), oneOf: [{ required: ['path'] }, { required: ['store'] }] },
    },
  },
});
