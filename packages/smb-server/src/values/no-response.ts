/** Returned by a handler to send no response (CANCEL). */
export const noResponse = Symbol('no response');
/** Returned by a handler to close the connection. */
export const disconnect = Symbol('disconnect');
/** Results of a handler that are not a response body. */
export type Nothing = typeof noResponse | typeof disconnect;
