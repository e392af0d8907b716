import { LONGEST_BODY } from '../../store/bodies.ts';
import { BadBody } from '../errors.ts';

/**
 * What the worker reads: a text as it is; bytes, which must be UTF-8, likewise; any other JSON value as JSON.
 */
export type Body = Uint8Array | JsonValue;

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: unknown };

/** The text of a body. Throws `BadBody` for what is none, or is longer than a body may be. */
export function textOf(body: Body): string {
  const text = typeof body === 'string' ? body : body instanceof Uint8Array ? decoded(body) : written(body);
  if (!text.isWellFormed())
    throw new BadBody(`The body has half of a character at position ${loneHalf(text)}.`);
  const bytes = Buffer.byteLength(text);
  if (bytes <= LONGEST_BODY) return text;
  throw new BadBody(
    `The body has ${bytes} bytes; allowed are ${LONGEST_BODY}. Let it name a file in S3 instead.`,
  );
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const at = firstWrongByte(bytes);
    throw new BadBody(
      `The body is not UTF-8: byte ${at} is 0x${bytes[at]?.toString(16).padStart(2, '0')}. A message carries text; send ` +
        'what is binary as base64, or let the body name a file in S3.',
    );
  }
}

/** Where the bytes and what a lenient reader makes of them part. */
function firstWrongByte(bytes: Uint8Array): number {
  const again = Buffer.from(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  return bytes.findIndex((byte, index) => byte !== again[index]);
}

function written(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new BadBody(`The body cannot be written as JSON: ${(cause as Error).message}.`, { cause });
  }
  if (text === undefined)
    throw new BadBody(`The body is ${typeof value}: it must be text, UTF-8 bytes or JSON.`);
  return text;
}

function loneHalf(text: string): number {
  return text.search(/\p{Surrogate}/u);
}
