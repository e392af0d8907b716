import { MAX_BODY_BYTES } from '../../store/body-store.ts';
import { BadBodyError } from '../errors.ts';

/**
 * The body of a job, which its worker reads. Text is sent as it is. Bytes must be UTF-8 and are sent as they are. Any
 * other value is sent as JSON.
 */
export type Body = Uint8Array | JsonValue;

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: unknown };

/** The text of a body. Throws `BadBodyError` if it is not valid or too long. */
export function encodeBody(body: Body): string {
  const text = typeof body === 'string' ? body : body instanceof Uint8Array ? decode(body) : toJson(body);
  if (!text.isWellFormed())
    throw new BadBodyError(
      `The body is not valid Unicode: it has a lone surrogate at position ${loneSurrogate(text)}.`,
    );
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_BODY_BYTES) return text;
  throw new BadBodyError(
    `The body has ${bytes} bytes; at most ${MAX_BODY_BYTES} are allowed. Store it in S3 and let the body name the object.`,
  );
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const at = firstWrongByte(bytes);
    throw new BadBodyError(
      `The body is not UTF-8: byte ${at} is 0x${bytes[at]?.toString(16).padStart(2, '0')}. A message is text. Send ` +
        'binary data as base64, or store it in S3 and let the body name the object.',
    );
  }
}

/** The first byte that differs after decoding with replacement characters and encoding again. */
function firstWrongByte(bytes: Uint8Array): number {
  const again = Buffer.from(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes));
  return bytes.findIndex((byte, index) => byte !== again[index]);
}

function toJson(value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch (cause) {
    throw new BadBodyError(`The body cannot be written as JSON: ${(cause as Error).message}.`, { cause });
  }
  if (text === undefined)
    throw new BadBodyError(
      `The body is of type ${typeof value}; allowed are text, UTF-8 bytes and JSON values.`,
    );
  return text;
}

function loneSurrogate(text: string): number {
  return text.search(/\p{Surrogate}/u);
}
