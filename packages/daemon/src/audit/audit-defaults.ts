import { auditKinds } from './audit-line.ts';

/** How an audit is kept unless somebody says otherwise. The path counts from the state directory. */
export const auditDefaults = { path: 'audit/audit.log', size: 10 * 1024 * 1024, keep: 10, kinds: auditKinds } as const;
