/** What was found about one thing. `missing`: `ring3 serve` does not work without it; `limited`: something else does not, or less well. */
export interface Finding {
  readonly what: string;
  readonly state: 'ok' | 'limited' | 'missing';
  /** In one line. */
  readonly found: string;
  /** What to do about it. */
  readonly advice?: string;
}

export const ok = (what: string, found: string): Finding => ({ what, state: 'ok', found });
export const limited = (what: string, found: string, advice: string): Finding => ({ what, state: 'limited', found, advice });
export const missing = (what: string, found: string, advice: string): Finding => ({ what, state: 'missing', found, advice });
