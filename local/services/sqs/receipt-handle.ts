import { AwsError } from '../../front-door/service.ts';

/**
 * Receipt handles as callers see them: opaque, for one receive of one queue, with its time. So invalid handles and
 * those of other queues are refused, and the 12 hours of maximum visibility time-out are enforced, without any stored
 * state. fauxqs accepts any handle and returns success.
 */
export interface Receipt {
  /** fauxqs's own handle. */
  handle: string;
  queue: string;
  receivedAtMs: number;
}

export function encodeReceipt({ handle, queue, receivedAtMs }: Receipt): string {
  return Buffer.from(`${handle} ${queue} ${receivedAtMs}`).toString('base64');
}

/** `AwsError` ReceiptHandleIsInvalid if it is not a handle of this queue. */
export function decodeReceipt(value: unknown, queue: string): Receipt {
  if (typeof value !== 'string' || value === '') {
    throw new AwsError('MissingParameter', 'The request must contain the parameter ReceiptHandle.');
  }
  const [handle, ofQueue, receivedAtMs] = Buffer.from(value, 'base64').toString('utf8').split(' ');
  if (!handle || ofQueue !== queue || !/^[0-9a-f-]{36}$/.test(handle) || !/^\d+$/.test(receivedAtMs ?? '')) {
    const message = `The input receipt handle "${value}" is not a valid receipt handle.`;
    throw new AwsError('ReceiptHandleIsInvalid', message, 404);
  }
  return { handle, queue, receivedAtMs: Number(receivedAtMs) };
}
