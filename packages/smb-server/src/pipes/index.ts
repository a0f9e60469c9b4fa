import type { Session } from '../session.ts';
import type { Pipe } from './pipe.ts';

/** The pipes that IPC$ offers, by lower-case name, and how each is opened. */
export const pipes: ReadonlyMap<string, (session: Session) => Pipe> = new Map();
