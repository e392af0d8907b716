import { readFileSync } from 'node:fs';
import { BadBodyError } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { messageOf } from '../../../lib/error-message.ts';
import { CliError } from '../../error.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { print, printJson } from '../../terminal/print.ts';
import { waitAndShow } from '../jobs/wait-for.ts';
import type { EnqueueOptions } from './options.ts';

/** A body, and the file or stream that it was read from. */
export interface BodyInput {
  body: string | Uint8Array;
  source: string;
}

/** Reads the body of one job: an argument, a whole file, or all of standard input. */
export function readBodyInput(argument: string | undefined, { file }: EnqueueOptions): BodyInput {
  if (file !== undefined) return { body: readWhole(file, file), source: file };
  if (argument === '-') return { body: readWhole(0, 'Standard input'), source: 'standard input' };
  return { body: argument ?? '', source: 'the command line' };
}

function readWhole(path: string | 0, name: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(`${name} cannot be read (${messageOf(error)}).`);
  }
}

/** Enqueues one job. With `--poll` it waits for the end of the job. */
export async function enqueueBody(
  fleet: Fleet,
  { body, source }: BodyInput,
  options: EnqueueOptions,
): Promise<void> {
  const { async, delay, dedupe, label, group, target, poll, json } = options;
  refuseReplaced(body);
  const { id, deduplicated } = await fleet
    .enqueue(body, {
      ...(async !== undefined && { limitSeconds: async }),
      ...(delay !== undefined && { delaySeconds: delay }),
      ...(dedupe !== undefined && { dedupe }),
      ...(label !== undefined && { label }),
      ...(group !== undefined && { group }),
      ...(target !== undefined && { target }),
    })
    .catch((error: unknown) => {
      throw error instanceof BadBodyError && source !== 'the command line'
        ? new CliError(`${escapeLine(source)}: ${error.message}`)
        : error;
    });
  if (poll > 0) {
    await waitAndShow(fleet, [id], { pollSeconds: poll, json: json === true, single: true });
  } else if (json) {
    printJson({ id, deduplicated });
  } else {
    print(id);
  }
}

/** Node.js replaces the bytes of an argument that are not UTF-8 by U+FFFD, so the body would be changed. */
function refuseReplaced(body: string | Uint8Array): void {
  if (typeof body !== 'string' || !body.includes('\ufffd')) return;
  throw new BadBodyError(
    'The body is not UTF-8, or contains the character U+FFFD, which replaces bytes that are not UTF-8: give it as a ' +
      'file (--file <file> --whole).',
  );
}
