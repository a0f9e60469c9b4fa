export { type Configuration, ConfigurationError, type DaemonConfiguration, shareName } from './configuration.ts';
export { configurationSchema } from './json-schema.ts';
export { fileServerOf, loadConfiguration, sharesOf } from './load.ts';
