import { randomBytes } from 'node:crypto';
import type { MessageAttributes } from './message-attributes.ts';

/**
 * The nonce that binds a message to the record that was written before it. Both carry it, and an agent claims the job
 * only for a message with the nonce of its record. Whoever may only send messages does not know it.
 */
const NONCE = 'MayflyNonce';

export function drawNonce(): string {
  return randomBytes(16).toString('base64url');
}

/** The attributes of a message that is bound to its record; none where there is no nonce. */
export function bindingAttributes(nonce: string | undefined): MessageAttributes {
  return nonce === undefined ? {} : { [NONCE]: { DataType: 'String', StringValue: nonce } };
}

/** The nonce of a message. Undefined: it has none, or something else by that name, which no record has. */
export function nonceOf(attributes: MessageAttributes): string | undefined {
  const nonce = attributes[NONCE]?.StringValue;
  return nonce !== undefined && /^[\w-]{1,64}$/.test(nonce) ? nonce : undefined;
}
