declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** The times that the creation, deletion and update of a table take, in milliseconds. */
  interface DynaliteOptions {
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }

  export default function dynalite(options?: DynaliteOptions): Server;
}
