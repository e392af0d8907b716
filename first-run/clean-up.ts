import { resolve } from 'node:path';
import { messageOf } from '../lib/error-message.ts';
import { keepEvidence } from './evidence.ts';
import type { FirstRun } from './run.ts';

export interface CleanUpOptions {
  /** Where what is known of the fleet goes. */
  out: string;
  /** Whether the stack stays. */
  keep: boolean;
  say: (line: string) => void;
}

/**
 * After a check that failed: keeps what is known of the fleet, and deletes the stack. Never rejects. If the stack is not seen
 * to be gone, it says how to delete it by hand.
 */
export async function cleanUp(run: FirstRun, { out, keep, say }: CleanUpOptions): Promise<void> {
  // One that cannot be looked at may be there.
  if (!(await run.deployed().catch(() => true))) return;
  await keepEvidence(run, resolve(out)).then(
    () => say(`What is known of the fleet is in ${resolve(out)}.`),
    (error: unknown) => say(`What is known of the fleet could not be kept: ${messageOf(error)}`),
  );
  const byHand = `aws cloudformation delete-stack --stack-name ${run.stack} --region ${run.region}`;
  if (keep) return say(`The stack ${run.stack} is kept, and costs money. Delete it: ${byHand}`);
  say(`Deleting the stack ${run.stack} ... If this is cut off, delete it: ${byHand}`);
  try {
    await run.destroy();
    if (await run.deployed()) throw new Error('CloudFormation still has it');
  } catch (error) {
    say(`The stack may still be there, and cost money (${messageOf(error)}). Delete it: ${byHand}`);
  }
}
