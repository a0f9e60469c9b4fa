/** Says of a value what comes of it, where that is not what it says. */
export type Note = (what: string) => void;

/** A parameter of ksmbd.conf(5). */
export interface Parameter<Draft> {
  /** What holds where nothing is said, as the manual writes it. */
  readonly default: string;
  /** What ring3 does whatever it says, where it is not honoured. */
  readonly instead?: string;
  /** Puts what a value comes to into the draft. @returns what is allowed, where the value is not; undefined where it is */
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

/** What ksmbd-tools take for yes. Everything else is no to them, `on` too: here it has to be one of the other words. */
export const saysYes = /^(yes|true|1|enabled?)$/i;
/** The words for no. */
export const saysNo = /^(no|false|0|disabled?)$/i;
const readFlag = (value: string): boolean | undefined => (saysYes.test(value) ? true : saysNo.test(value) ? false : undefined);

/** yes or no. */
export const flag = parameter('yes or no', readFlag);
/** Any text that is not empty. */
export const text = parameter('a text', (value) => value);
/** Values with commas, tabs or spaces between. */
export const list = parameter('a list', (value) => value.split(/[\s,]+/).filter((item) => item !== ''));
/** Permission bits, octal. Only those of rwx are kept. */
export const mask = parameter('an octal number such as 0744', (value) =>
  /^[0-7]{1,5}$/.test(value) ? Number.parseInt(value, 8) & 0o777 : undefined,
);

const suffixes = ['', 'k', 'm', 'g', 't', 'p', 'e'];

/** A number within bounds: what is beyond them is taken to them, and said. It may end in K, M, G, T, P or E, with B behind. */
export const number = <Draft>(fallback: string, minimum: number, maximum: number, put: Put<Draft, number>): Parameter<Draft> =>
  parameter('a number, with K, M or G behind it where wanted', (value, note) => {
    const parts = /^(\d{1,15})\s*([kmgtpe]?)b?$/i.exec(value);
    if (parts === null) return undefined;
    const asked = Number(parts[1]) * 1024 ** suffixes.indexOf((parts[2] as string).toLowerCase());
    const taken = Math.min(maximum, Math.max(minimum, asked));
    if (taken !== asked) note(`is taken for ${taken}: ring3 knows ${minimum} to ${maximum}`);
    return taken;
  })(fallback, put);

/** One of a few words, whatever the case. */
export const choice = <Draft, T>(fallback: string, words: Readonly<Record<string, T>>, put: Put<Draft, T>): Parameter<Draft> =>
  parameter(`one of ${Object.keys(words).join(', ')}`, (value) => {
    const folded = value.toLowerCase().replace(/\s+/g, ' ');
    return Object.hasOwn(words, folded) ? { word: words[folded] as T } : undefined;
  })(fallback, (draft, { word }, note) => put(draft, word, note));

/** One that ring3 does nothing about: fine as long as it says what ring3 does anyway, named where it says something else. */
export const passedOver = <Draft>(fallback: string, fine: RegExp | undefined, instead: string): Parameter<Draft> => ({
  ...text<Draft>(fallback, (_draft, value, note) => {
    if (fine?.test(value) !== true) note(`is not honoured: ${instead}`);
  }),
  instead,
});
