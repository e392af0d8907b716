import { readFileSync } from 'node:fs';
import { messageOf } from '../../../lib/error-message.ts';
import { Failure } from '../../failure.ts';
import { BadBody } from '../../../client/errors.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { print, printJson } from '../../terminal/print.ts';
import type { EnqueueOptions } from './enqueue.ts';
import { waitFor } from '../jobs/wait-for.ts';

/** A body and where it comes from. */
export interface GivenBody {
  body: string | Uint8Array;
  from: string;
}

/** The one body that was given: as a word, as a file or on standard input. */
export function bodyOf(word: string | undefined, { file }: EnqueueOptions): GivenBody {
  if (file !== undefined) return { body: readWhole(file, file), from: file };
  if (word === '-') return { body: readWhole(0, 'Standard input'), from: 'standard input' };
  return { body: word ?? '', from: 'the command line' };
}

function readWhole(path: string | 0, name: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure(`${name} cannot be read (${messageOf(error)}).`);
  }
}

/** Enqueues one job; waits for its end if it is to be polled. */
export async function enqueueBody(
  fleet: Fleet,
  { body, from }: GivenBody,
  options: EnqueueOptions,
): Promise<void> {
  const { async, delay, dedupe, label, poll, json } = options;
  refuseReplaced(body);
  const { id, deduplicated } = await fleet
    .enqueue(body, {
      ...(async !== undefined && { limitSeconds: async }),
      ...(delay !== undefined && { delaySeconds: delay }),
      ...(dedupe !== undefined && { dedupe }),
      ...(label !== undefined && { label }),
    })
    .catch((error: unknown) => {
      throw error instanceof BadBody && from !== 'the command line'
        ? new Failure(`${escapeLine(from)}: ${error.message}`)
        : error;
    });
  if (poll > 0) {
    await waitFor(fleet, [id], { pollSeconds: poll, json: json === true, single: true });
  } else if (json) {
    printJson({ id, deduplicated });
  } else {
    print(id);
  }
}

/** Node.js reads an argument that is not UTF-8 with U+FFFD in the place of what it could not read. */
function refuseReplaced(body: string | Uint8Array): void {
  if (typeof body !== 'string' || !body.includes('\ufffd')) return;
  throw new BadBody(
    'The body is not UTF-8, or has the character U+FFFD, which stands for what is not: give it as a file ' +
      '(--file <file> --whole).',
  );
}
