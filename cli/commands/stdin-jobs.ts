import { copyFileSync, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Failure } from '../failure.ts';
import { shellWord } from '../shell-word.ts';
import type { FileOptions } from './enqueue.ts';

/** Standard input as a file, so that it can be checked to its end before anything of it is sent. */
export interface Spool {
  readonly path: string;
  /** It has to stay: `remove` leaves it where it is. */
  keep(): void;
  remove(): void;
}

export async function spoolStdin(): Promise<Spool> {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-enqueue-'));
  const path = join(directory, 'jobs');
  let kept = false;
  const spool: Spool = {
    path,
    keep() {
      kept = true;
    },
    remove() {
      if (!kept) rmSync(directory, { recursive: true, force: true });
    },
  };
  try {
    await pipeline(process.stdin, createWriteStream(path));
    return spool;
  } catch (error) {
    spool.remove();
    throw new Failure(
      `Standard input could not be kept in ${directory} (${error instanceof Error ? error.message : String(error)}).`,
    );
  }
}

/** How the rest of a file is sent that was not sent to its end. */
export interface Rest {
  /** A sentence. */
  how: string;
  /** The journal of what was sent. */
  journalPath: string;
}

/** Leaves what came on standard input, and the journal of what was sent of it, in this directory. */
export function keepRest(spool: Spool, seed: string, options: FileOptions): Rest {
  let file = `mayfly-rest-${seed}.${options.jsonLines ? 'jsonl' : 'txt'}`;
  try {
    copyFileSync(spool.path, file);
    copyFileSync(`${spool.path}.mayfly`, `${file}.mayfly`);
  } catch {
    // No room or no right to write here: then it stays where it is.
    spool.keep();
    file = spool.path;
  }
  return { how: `\`${commandFor(file, options.typed)}\` sends the rest.`, journalPath: `${file}.mayfly` };
}

/** The line that sends what is left of a file. */
export function commandFor(file: string, typed: readonly string[]): string {
  return ['mayfly enqueue', ...typed, '--file', shellWord(file)].join(' ');
}
