import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type FolderShare, isStateInside } from '../shared-folders.ts';
import { auditDefaults } from './audit-defaults.ts';
import type { AuditKind } from './audit-line.ts';
import type { RotatedFileOptions } from './rotated-file.ts';

/** How the audit file is kept. Missing values are those of `auditDefaults`. */
export interface AuditOptions extends Partial<RotatedFileOptions> {
  /** Kinds of events that are written; default: all. */
  readonly kinds?: readonly AuditKind[];
}

/** The settings that the audit uses. */
export interface AuditSettings {
  readonly audit?: AuditOptions;
  readonly shares?: readonly FolderShare[];
}

/**
 * The options with defaults applied.
 * @returns undefined if no share is audited
 * @throws Error in one line if clients of a share could reach the file
 */
export function auditOptionsOf(settings: AuditSettings, stateDir: string): Required<AuditOptions> | undefined {
  const { shares = [] } = settings;
  if (!shares.some(({ audit }) => audit === true)) return undefined;
  const wanted = { ...auditDefaults, path: join(stateDir, auditDefaults.path), ...settings.audit };
  const folder = existing(dirname(wanted.path));
  for (const { name, path } of shares) {
    if (path === undefined || !isStateInside(folder, path)) continue;
    throw new Error(
      `the audit file ${wanted.path} is inside the shared directory ${path}, where clients of ${name} could reach it: choose another path`,
    );
  }
  return wanted;
}

/** The directory, or the nearest directory above it that exists. */
const existing = (folder: string): string => (existsSync(folder) ? folder : existing(dirname(folder)));
