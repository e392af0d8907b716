declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** Times in milliseconds that a table takes to be created, deleted, updated. */
  interface DynaliteOptions {
    createTableMs?: number;
    deleteTableMs?: number;
    updateTableMs?: number;
  }

  export default function dynalite(options?: DynaliteOptions): Server;
}
