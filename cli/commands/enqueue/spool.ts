import { copyFileSync, createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../../../lib/error-message.ts';
import { quoteForShell } from '../../../lib/shell-word.ts';
import { CliError } from '../../error.ts';
import type { FileOptions } from './options.ts';

/** A copy of input that can be read only once. It is checked to its end before the first job is sent. */
export interface Spool {
  readonly path: string;
  /** Makes `remove` leave the copy. */
  keep(): void;
  remove(): void;
}

/** Whether a path is a pipe (a shell's `<(...)`, /dev/stdin) or a terminal, which can be read only once. */
export function canReadOnlyOnce(path: string): boolean {
  try {
    const seen = statSync(path);
    return seen.isFIFO() || seen.isCharacterDevice();
  } catch {
    // The code that reads the file reports the error.
    return false;
  }
}

/**
 * Copies input to a temporary file.
 *
 * @param path what to copy. Default: standard input.
 */
export async function spoolInput(path?: string): Promise<Spool> {
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
    throw new CliError(`${path ?? 'Standard input'} could not be copied to ${directory} (${why}).`);
  }
}

/** How to send the jobs that were not sent. */
export interface ResumeAdvice {
  /** A sentence for the user. */
  sentence: string;
  /** The journal of what was sent. */
  journalPath: string;
}

/** Copies the input and its journal to the current directory, for a later run. */
export function keepInputForLater(spooled: Spool, seed: string, options: FileOptions): ResumeAdvice {
  let file = `mayfly-rest-${seed}.${options.jsonLines ? 'jsonl' : 'txt'}`;
  try {
    copyFileSync(spooled.path, file);
    copyFileSync(`${spooled.path}.mayfly`, `${file}.mayfly`);
  } catch {
    // The current directory cannot be written, so the copy stays in the temporary directory.
    spooled.keep();
    file = spooled.path;
  }
  return {
    sentence: `\`${resumeCommand(file, options.typed)}\` sends the rest.`,
    journalPath: `${file}.mayfly`,
  };
}

/** The command line that sends the rest of a file. */
export function resumeCommand(file: string, typed: readonly string[]): string {
  return ['mayfly enqueue', ...typed, '--file', quoteForShell(file)].join(' ');
}
