import type { MessageAttributeValue } from '@aws-sdk/client-sqs';
import { createBindingAttributes } from '../../../jobs/binding.ts';

/** What somebody can send who may only send messages and does not know a job's nonce. */
export const FORGERIES = ['another-body', 'broken-envelope', 'dead-letter'] as const;

export type Forgery = { what: (typeof FORGERIES)[number]; nonce: boolean };

const BODY = 'forged';

export function forge(
  job: string,
  { what, nonce }: Forgery,
): { body: string; attributes: Record<string, MessageAttributeValue> } {
  const attributes = createBindingAttributes(nonce ? 'a-guess' : undefined);
  switch (what) {
    case 'another-body':
      return { body: JSON.stringify({ mayfly: 1, id: job, payload: BODY }), attributes };
    case 'broken-envelope':
      return { body: JSON.stringify({ mayfly: 1, id: job, payload: BODY, limitSeconds: -1 }), attributes };
    case 'dead-letter':
      return {
        body: BODY,
        attributes: { ...attributes, MayflyJobId: { DataType: 'String', StringValue: job } },
      };
  }
}

/** Whether a message's body, or what a worker is given of it, was forged. */
export function isForged(text: string): boolean {
  return text.includes(BODY);
}
