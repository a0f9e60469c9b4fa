/**
 * The result of one check. `missing`: `ring3 serve` does not work without it; `limited`: another feature does not work, or works less well.
 */
export interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'limited' | 'missing';
  /** The result in one line. */
  readonly found: string;
  /** Advice in one line. */
  readonly advice?: string;
}

export const ok = (what: string, found: string): Finding => ({ what, state: 'ok', found });
export const limited = (what: string, found: string, advice: string): Finding => ({ what, state: 'limited', found, advice });
export const missing = (what: string, found: string, advice: string): Finding => ({ what, state: 'missing', found, advice });
