/** Names of policies and helpers are bytes on the wire, one character each (latin1) in clients and engine; on a terminal they are UTF-8. */
export const toWireName = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
/** A name for the terminal. */
export const fromWireName = (name: string): string => Buffer.from(name, 'latin1').toString('utf8');
