import { resolve } from 'node:path';
import { messageOf } from '../lib/error-message.ts';
import { saveEvidence } from './evidence.ts';
import type { FirstRun } from './run.ts';

export interface CleanUpOptions {
  /** Directory for the evidence. */
  out: string;
  /** Whether to keep the stack. */
  keep: boolean;
  say: (line: string) => void;
}

/**
 * To be called after a failed check: saves evidence about the fleet, and deletes the stack. Never rejects. Unless it sees that
 * the stack is gone, it says how to delete it by hand.
 */
export async function cleanUp(run: FirstRun, { out, keep, say }: CleanUpOptions): Promise<void> {
  // If the call fails, the stack may exist.
  if (!(await run.findStack().catch(() => true))) return;
  await saveEvidence(run, resolve(out)).then(
    () => say(`The output of doctor and fleet, the jobs and the logs of instances are in ${resolve(out)}.`),
    (error: unknown) => say(`The evidence could not be saved: ${messageOf(error)}`),
  );
  const byHand = `aws cloudformation delete-stack --stack-name ${run.stack} --region ${run.region}`;
  if (keep) return say(`The stack ${run.stack} is kept, and costs money. To delete it: ${byHand}`);
  say(`Deleting the stack ${run.stack} ... If this is interrupted, delete it with: ${byHand}`);
  try {
    await run.destroy();
    if (await run.findStack()) throw new Error('CloudFormation still has it');
  } catch (error) {
    say(`The stack may still exist, and cost money (${messageOf(error)}). To delete it: ${byHand}`);
  }
}
