import { auditKinds } from './audit-line.ts';

/** Defaults of the audit. The path is relative to the state directory. */
export const auditDefaults = { path: 'audit/audit.log', size: 10 * 1024 * 1024, keep: 10, kinds: auditKinds } as const;
