/** Warns that a value has another effect than it says. */
export type Note = (what: string) => void;

/** A parameter of ksmbd.conf(5). */
export interface Parameter<Draft> {
  /** The default, as in the manual. */
  readonly default: string;
  /** What ring3 does in every case, if the parameter is not applied. */
  readonly instead?: string;
  /** Stores the meaning of a value in the draft. @returns what is allowed if the value is invalid; else undefined */
  set(draft: Draft, value: string, note: Note): string | undefined;
}
/** Parameters by name. */
export type Parameters<Draft> = Readonly<Record<string, Parameter<Draft>>>;

type Put<Draft, T> = (draft: Draft, value: T, note: Note) => void;

const parameter =
  <T>(allowed: string, read: (value: string, note: Note) => T | undefined) =>
  <Draft>(fallback: string, put: Put<Draft, T>): Parameter<Draft> => ({
    default: fallback,
    set(draft, value, note) {
      const found = value === '' ? undefined : read(value, note);
      if (found === undefined) return value === '' ? undefined : allowed;
      put(draft, found, note);
      return undefined;
    },
  });

/** The words that ksmbd-tools read as yes. They read all other values, also `on`, as no; ring3 accepts only the words for no. */
export const saysYes = /^(yes|true|1|enabled?)$/i;
/** The words for no. */
export const saysNo = /^(no|false|0|disabled?)$/i;
const readFlag = (value: string): boolean | undefined => (saysYes.test(value) ? true : saysNo.test(value) ? false : undefined);

/** yes or no. */
export const flag = parameter('yes or no', readFlag);
/** Any text that is not empty. */
export const text = parameter('a text', (value) => value);
/** Values separated by commas, tabs or spaces. */
export const list = parameter('a list', (value) => value.split(/[\s,]+/).filter((item) => item !== ''));
/** Permission bits, octal. Only those of rwx are kept. */
export const mask = parameter('an octal number such as 0744', (value) =>
  /^[0-7]{1,5}$/.test(value) ? Number.parseInt(value, 8) & 0o777 : undefined,
);

const suffixes = ['', 'k', 'm', 'g', 't', 'p', 'e'];

/** A number within bounds. A value outside is clamped with a warning. It may end in K, M, G, T, P or E, optionally followed by B. */
export const number = <Draft>(fallback: string, minimum: number, maximum: number, put: Put<Draft, number>): Parameter<Draft> =>
  parameter('a number, with K, M or G behind it where wanted', (value, note) => {
    const parts = /^(\d{1,15})\s*([kmgtpe]?)b?$/i.exec(value);
    if (parts === null) return undefined;
    const asked = Number(parts[1]) * 1024 ** suffixes.indexOf((parts[2] as string).toLowerCase());
    const taken = Math.min(maximum, Math.max(minimum, asked));
    if (taken !== asked) note(`is taken for ${taken}: ring3 knows ${minimum} to ${maximum}`);
    return taken;
  })(fallback, put);

/** One of a few words, in any case. */
export const choice = <Draft, T>(fallback: string, words: Readonly<Record<string, T>>, put: Put<Draft, T>): Parameter<Draft> =>
  parameter(`one of ${Object.keys(words).join(', ')}`, (value) => {
    const folded = value.toLowerCase().replace(/\s+/g, ' ');
    return Object.hasOwn(words, folded) ? { word: words[folded] as T } : undefined;
  })(fallback, (draft, { word }, note) => put(draft, word, note));

/** A parameter that ring3 does not apply: a warning if it asks for anything else than what ring3 does. */
export const passedOver = <Draft>(fallback: string, fine: RegExp | undefined, instead: string): Parameter<Draft> => ({
  ...text<Draft>(fallback, (_draft, value, note) => {
    if (fine?.test(value) !== true) note(`is not honoured: ${instead}`);
  }),
  instead,
});
