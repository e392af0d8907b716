import { AwsError, type CloudContext } from '../../front-door/service.ts';
import type { Group, GroupInstance } from './group.ts';

/** All groups by name, with AWS's errors for those that do not exist. */
export class Groups {
  readonly #context: CloudContext;
  readonly #byName = new Map<string, Group>();

  constructor(context: CloudContext) {
    this.#context = context;
  }

  add(group: Group): void {
    if (this.#byName.has(group.name)) {
      throw new AwsError(
        'AlreadyExists',
        `AutoScalingGroup by this name already exists - A group with the name ${group.name} already exists`,
      );
    }
    this.#byName.set(group.name, group);
  }

  remove(group: Group): void {
    this.#byName.delete(group.name);
  }

  all(): Group[] {
    return [...this.#byName.values()];
  }

  find(name: string): Group | undefined {
    return this.#byName.get(name);
  }

  /** @throws `ValidationError` */
  get(name: string): Group {
    const group = this.#byName.get(name);
    if (group && !group.deleting) return group;
    throw new AwsError(
      'ValidationError',
      group
        ? `AutoScalingGroup ${name} is pending delete`
        : `AutoScalingGroup name not found - AutoScalingGroup ${name} not found`,
    );
  }

  /** @throws `ValidationError` for an instance that is not in a group. */
  getInstance(id: string): { group: Group; instance: GroupInstance } {
    const found = this.findInstance(id);
    if (found) return found;
    throw new AwsError(
      'ValidationError',
      `Instance Id not found - No managed instance found for instance ID: ${id}`,
    );
  }

  findInstance(id: string): { group: Group; instance: GroupInstance } | undefined {
    for (const group of this.#byName.values()) {
      const instance = group.instances.get(id) ?? group.warmPool?.instances.get(id);
      if (instance) return { group, instance };
    }
    return undefined;
  }

  newArn(name: string, id: string): string {
    const { region, accountId } = this.#context;
    return `arn:aws:autoscaling:${region}:${accountId}:autoScalingGroup:${id}:autoScalingGroupName/${name}`;
  }

  /** The resource that IAM checks a call against. The ARN of a group that does not exist has its name but no id. */
  arnOf(name: string | undefined): string {
    const found = name === undefined ? undefined : this.#byName.get(name);
    return found?.arn ?? this.newArn(name ?? '*', '*');
  }
}
