import type { Namespace } from '@ring3/conntrack';
import type { SysctlInList } from './protocol.ts';

/** The settings of the tracker of a namespace, by name. */
export const listSysctls = ({ sysctls }: Namespace): SysctlInList[] =>
  sysctls.names().map((name) => ({ name, value: sysctls.get(name) as string }));

/** @throws Error in one line if the setting does not exist */
export function getSysctl({ sysctls }: Namespace, name: string): string {
  const value = sysctls.get(name);
  if (value === undefined) throw unknown(name);
  return value;
}

/** Sets one. It applies to the next packet; a setting of flows applies to flows that are created later. @throws Error in one line */
export function setSysctl({ sysctls }: Namespace, name: string, value: string): void {
  switch (sysctls.set(name, value)) {
    case 'unknown':
      throw unknown(name);
    case 'readOnly':
      throw new Error(`${name} is read-only`);
    case 'invalid':
      throw new Error(`${name} cannot be set to ${JSON.stringify(value)}: the value is not a number in its range`);
  }
}

const unknown = (name: string): Error => new Error(`there is no setting ${JSON.stringify(name)}: "ring3 sysctl list" shows them`);
