import type { Input } from '../../front-door/service.ts';

/** A queue as the operations see it: its name, and how to ask fauxqs about it. */
export interface Queue {
  name: string;
  /** ARN of the queue that a message in flight is a dead letter of, by the handle of its receive. */
  deadLetterSource(handle: string): string | undefined;
  /** A call about this queue; the URL is filled in. */
  ask(action: string, input: Input): Promise<Record<string, unknown>>;
}
