export type { Configuration, ConsoleConfiguration, DaemonConfiguration } from './configuration.ts';
export { ConfigurationError } from './configuration-error.ts';
export { configurationSchema } from './json-schema.ts';
export { ksmbdParameters } from './ksmbd/read-conf.ts';
export { KsmbdUsers, ksmbdUsersOf } from './ksmbd/users.ts';
export { fileServerOf, isKsmbdConf, loadConfiguration, readConfiguration, sharesOf, unknownUsers } from './load.ts';
export { absentShares, nestedShares, ShareCheck } from './share-check.ts';
export { type ShareConfiguration, shareName, shareNames } from './share-keys.ts';
export { storedShare, withStored } from './stored-shares.ts';
