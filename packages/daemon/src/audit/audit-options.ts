import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Settings } from '../settings.ts';
import { isStateInside } from '../shared-folders.ts';
import { auditDefaults } from './audit-defaults.ts';
import type { AuditKind } from './audit-line.ts';
import type { RotatedFileOptions } from './rotated-file.ts';

/** How an audit is kept; what is left out is `auditDefaults`. */
export interface AuditOptions extends Partial<RotatedFileOptions> {
  /** What is written about; everything unless said. */
  readonly kinds?: readonly AuditKind[];
}

/** What of the settings an audit is about. */
export type AuditSettings = Pick<Settings, 'audit' | 'shares'>;

/**
 * The whole of the options.
 * @returns undefined where no share is written about
 * @throws Error in one line, where clients of a share would reach the file
 */
export function auditOptionsOf(settings: AuditSettings, stateDir: string): Required<AuditOptions> | undefined {
  const { shares = [] } = settings;
  if (!shares.some(({ audit }) => audit === true)) return undefined;
  const wanted = { ...auditDefaults, path: join(stateDir, auditDefaults.path), ...settings.audit };
  const folder = existing(dirname(wanted.path));
  for (const { name, path } of shares) {
    if (path === undefined || !isStateInside(folder, path)) continue;
    throw new Error(
      `the audit file ${wanted.path} lies inside the shared folder ${path}, where clients of ${name} would reach it: give another path`,
    );
  }
  return wanted;
}

/** The folder, or that one of those above it which is there. */
const existing = (folder: string): string => (existsSync(folder) ? folder : existing(dirname(folder)));
