import { setTimeout as delay } from 'node:timers/promises';
import {
  CloudFormationClient,
  CreateStackCommand,
  type CreateStackCommandInput,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  type Stack,
  type StackEvent,
  UpdateStackCommand,
  type UpdateStackCommandInput,
} from '@aws-sdk/client-cloudformation';
import type { TestCloud } from './cloud.ts';

type Template = object;
type Options = Omit<Partial<CreateStackCommandInput & UpdateStackCommandInput>, 'StackName' | 'TemplateBody'>;

const Capabilities: CreateStackCommandInput['Capabilities'] = ['CAPABILITY_NAMED_IAM'];

/** Stacks, used through the SDK. */
export class Stacks {
  readonly client: CloudFormationClient;

  constructor(cloud: TestCloud) {
    this.client = new CloudFormationClient(cloud.client);
  }

  /** Starts a creation; rejects if it is refused. */
  async start(StackName: string, template: Template | string, options: Options = {}): Promise<string> {
    const input = { Capabilities, ...options, StackName, TemplateBody: textOf(template) };
    return (await this.client.send(new CreateStackCommand(input))).StackId ?? '';
  }

  /** Creates a stack and waits for the result. */
  async create(name: string, template: Template | string, options: Options = {}): Promise<Stack> {
    return this.settled(await this.start(name, template, options));
  }

  async update(StackName: string, template: Template | string, options: Options = {}): Promise<Stack> {
    const input = { Capabilities, ...options, StackName, TemplateBody: textOf(template) };
    const { StackId } = await this.client.send(new UpdateStackCommand(input));
    return this.settled(StackId ?? '');
  }

  async delete(name: string): Promise<Stack> {
    const { StackId } = await this.describe(name);
    await this.client.send(new DeleteStackCommand({ StackName: name }));
    return this.settled(StackId ?? '');
  }

  async describe(StackName: string): Promise<Stack> {
    const { Stacks: stacks } = await this.client.send(new DescribeStacksCommand({ StackName }));
    const [stack] = stacks ?? [];
    if (!stack) throw new Error(`no stack ${StackName}`);
    return stack;
  }

  async settled(StackName: string): Promise<Stack> {
    for (;;) {
      const stack = await this.describe(StackName);
      if (!stack.StackStatus?.endsWith('_IN_PROGRESS')) return stack;
      await delay(10);
    }
  }

  /** Oldest first. */
  async events(StackName: string): Promise<StackEvent[]> {
    const { StackEvents } = await this.client.send(new DescribeStackEventsCommand({ StackName }));
    return (StackEvents ?? []).reverse();
  }

  /** `Logical STATUS`, oldest first. */
  async story(StackName: string): Promise<string[]> {
    const events = await this.events(StackName);
    return events.map((event) => `${event.LogicalResourceId} ${event.ResourceStatus}`);
  }

  async physicalId(StackName: string, LogicalResourceId: string): Promise<string> {
    const command = new DescribeStackResourcesCommand({ StackName, LogicalResourceId });
    const { StackResources } = await this.client.send(command);
    return StackResources?.[0]?.PhysicalResourceId ?? '';
  }
}

export function outputsOf(stack: Stack): Record<string, string> {
  return Object.fromEntries((stack.Outputs ?? []).map((one) => [one.OutputKey ?? '', one.OutputValue ?? '']));
}

function textOf(template: Template | string): string {
  return typeof template === 'string' ? template : JSON.stringify(template);
}
