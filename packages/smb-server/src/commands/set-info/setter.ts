import type { Steps } from '@ring3/kit';
import type { NtStatus } from '@ring3/smb-proto';
import type { Handle } from '@ring3/vfs';
import type { Frame } from '@ring3/wire';
import type { ContextOf } from '../../request/command.ts';

/** A class that can be set. The frame holds only the buffer. */
export type Setter = (ctx: ContextOf<'open'>, handle: Handle, frame: Frame) => Steps<NtStatus>;
