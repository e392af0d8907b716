import type { PolicyDocument } from '../../front-door/policy.ts';
import { readResourcePolicy } from '../../front-door/resource-policy.ts';

/** What the attribute `Policy` of each queue says, read once: every call about a queue is judged by it. */
export class QueuePolicies {
  readonly #byName = new Map<string, PolicyDocument>();

  of(queueName: string): readonly PolicyDocument[] {
    const policy = this.#byName.get(queueName);
    return policy ? [policy] : [];
  }

  /**
   * Runs what sets these attributes of a queue, and goes by the new policy from then on; an empty one is none.
   *
   * @throws `AwsError` before anything runs, for a policy that cannot be judged
   */
  async setWith<T>(queueName: string, { Policy }: Record<string, string>, set: () => Promise<T>): Promise<T> {
    const policy = Policy ? readResourcePolicy(Policy, 'InvalidAttributeValue') : undefined;
    const result = await set();
    if (policy) this.#byName.set(queueName, policy);
    else if (Policy !== undefined) this.#byName.delete(queueName);
    return result;
  }

  forget(queueName: string): void {
    this.#byName.delete(queueName);
  }
}
