/** What namespaces of one host share. A namespace makes one of its own unless it is given one. */
export class Host {}
