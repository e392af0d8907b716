import type { PolicyDocument } from '../../front-door/policy.ts';
import { readResourcePolicy } from '../../front-door/resource-policy.ts';

/** The parsed attribute `Policy` of each queue. It is evaluated for every call on the queue. */
export class QueuePolicies {
  readonly #byName = new Map<string, PolicyDocument>();

  of(queueName: string): readonly PolicyDocument[] {
    const policy = this.#byName.get(queueName);
    return policy ? [policy] : [];
  }

  /**
   * Runs `set`, which sets these attributes of a queue, and uses the new policy from then on. An empty one means no
   * policy.
   *
   * @throws `AwsError` before `set` runs, for a policy that cannot be evaluated
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
