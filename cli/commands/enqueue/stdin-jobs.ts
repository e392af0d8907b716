import { copyFileSync, createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../../../lib/error-message.ts';
import { Failure } from '../../failure.ts';
import { shellWord } from '../../shell-word.ts';
import type { FileOptions } from './enqueue.ts';

/** What can be read only once, as a file: so that it can be checked to its end before anything of it is sent. */
export interface Spool {
  readonly path: string;
  /** It has to stay: `remove` leaves it where it is. */
  keep(): void;
  remove(): void;
}

/** Whether a path is no file, but a pipe (a shell's `<(...)`, /dev/stdin) or a terminal: it can be read only once. */
export function isReadOnce(path: string): boolean {
  try {
    const seen = statSync(path);
    return seen.isFIFO() || seen.isCharacterDevice();
  } catch {
    // Whoever reads it says why that cannot be done.
    return false;
  }
}

/** @param path of what is read; absent: standard input */
export async function spool(path?: string): Promise<Spool> {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-enqueue-'));
  const copy = join(directory, 'jobs');
  let kept = false;
  const spooled: Spool = {
    path: copy,
    keep() {
      kept = true;
    },
    remove() {
      if (!kept) rmSync(directory, { recursive: true, force: true });
    },
  };
  try {
    await pipeline(path === undefined ? process.stdin : createReadStream(path), createWriteStream(copy));
    return spooled;
  } catch (error) {
    spooled.remove();
    const why = messageOf(error);
    throw new Failure(`${path ?? 'Standard input'} could not be kept in ${directory} (${why}).`);
  }
}

/** How the rest of a file is sent that was not sent to its end. */
export interface Rest {
  /** A sentence. */
  how: string;
  /** The journal of what was sent. */
  journalPath: string;
}

/** Leaves what was spooled, and the journal of what was sent of it, in this directory. */
export function keepRest(spooled: Spool, seed: string, options: FileOptions): Rest {
  let file = `mayfly-rest-${seed}.${options.jsonLines ? 'jsonl' : 'txt'}`;
  try {
    copyFileSync(spooled.path, file);
    copyFileSync(`${spooled.path}.mayfly`, `${file}.mayfly`);
  } catch {
    // No room or no right to write here: then it stays where it is.
    spooled.keep();
    file = spooled.path;
  }
  return { how: `\`${commandFor(file, options.typed)}\` sends the rest.`, journalPath: `${file}.mayfly` };
}

/** The line that sends what is left of a file. */
export function commandFor(file: string, typed: readonly string[]): string {
  return ['mayfly enqueue', ...typed, '--file', shellWord(file)].join(' ');
}
