import type { ControlRequests } from '@ring3/daemon';
import { printable } from '@ring3/kit';

type Change = ControlRequests['reload']['answer']['changes'][number];
const signs = { added: '+', removed: '-', changed: '~' } as const;
const from = {
  now: '',
  'new connections': ' (for new connections)',
  'next start': ' (takes effect with "ring3 ctl restart")',
  restart: ' (takes effect when "ring3 serve" starts again)',
} as const;

/** The spelling of the configuration. */
const kebab = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** A change as text: `~ share photos: read-only (for new connections)`. */
export const changeLine = ({ what, how, keys = [], holds }: Change): string =>
  printable(`${signs[how]} ${what}${keys.length === 0 ? '' : `: ${keys.map(kebab).join(', ')}`}${from[holds]}`);
