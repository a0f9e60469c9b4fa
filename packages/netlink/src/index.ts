export { allRights, noRights, type Port, PortOption, type PortOptions, type Rights, type SendOptions } from './server/port.ts';
