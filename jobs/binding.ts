import { randomBytes } from 'node:crypto';
import type { MessageAttributes } from './message-attributes.ts';

/**
 * The nonce that binds a message to the job's record, which is written first. Both have it, and an agent claims the job
 * only for a message with the nonce of the record. Somebody who may only send messages does not know it.
 */
const NONCE = 'MayflyNonce';

export function createNonce(): string {
  return randomBytes(16).toString('base64url');
}

/** The attributes that bind a message to its record. Without a nonce there are none. */
export function createBindingAttributes(nonce: string | undefined): MessageAttributes {
  return nonce === undefined ? {} : { [NONCE]: { DataType: 'String', StringValue: nonce } };
}

/** The nonce of a message. Undefined: the attribute is absent, or its value cannot be a nonce. */
export function readNonce(attributes: MessageAttributes): string | undefined {
  const nonce = attributes[NONCE]?.StringValue;
  return nonce !== undefined && /^[\w-]{1,64}$/.test(nonce) ? nonce : undefined;
}
