import type { Input } from '../../front-door/service.ts';

/** A queue as the operations see it: its name, and calls to fauxqs. */
export interface Queue {
  name: string;
  /** ARN of the source queue of a dead letter in flight, by the receipt handle. */
  deadLetterSource(handle: string): string | undefined;
  /** Calls fauxqs with the URL of this queue. */
  call(action: string, input: Input): Promise<Record<string, unknown>>;
}
