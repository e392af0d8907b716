import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageCommand,
  type SendMessageCommandInput,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { createSimulatedClock, type SimulatedClock } from '../../clock.ts';
import { startTestCloud, type TestCloud } from './cloud.ts';

/** Queues of a cloud with a simulated clock. */
export class Queues {
  readonly cloud: TestCloud;
  readonly clock: SimulatedClock;
  readonly sqs: SQSClient;
  #count = 0;

  private constructor(cloud: TestCloud, clock: SimulatedClock) {
    this.cloud = cloud;
    this.clock = clock;
    this.sqs = new SQSClient(cloud.client);
  }

  static async start(): Promise<Queues> {
    const clock = createSimulatedClock();
    return new Queues(await startTestCloud({ clock }), clock);
  }

  /** A new queue. */
  async create(Attributes: Record<string, string> = {}): Promise<{ url: string; arn: string }> {
    this.#count += 1;
    const QueueName = `queue-${this.#count}${Attributes['FifoQueue'] === 'true' ? '.fifo' : ''}`;
    const { QueueUrl = '' } = await this.sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    return { url: QueueUrl, arn: `arn:aws:sqs:us-east-1:000000000000:${QueueName}` };
  }

  /** Creates a dead-letter queue, and a queue that moves messages to it after one receive. */
  async createPair(settings: { dead?: Record<string, string>; source?: Record<string, string> } = {}) {
    const dead = await this.create(settings.dead);
    const source = await this.create({
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 1 }),
      ...settings.source,
    });
    return { dead, source };
  }

  async send(QueueUrl: string, ...bodies: string[]): Promise<void> {
    for (const MessageBody of bodies) await this.sendWith(QueueUrl, { MessageBody });
  }

  async sendWith(QueueUrl: string, input: Omit<SendMessageCommandInput, 'QueueUrl'>): Promise<void> {
    await this.sqs.send(new SendMessageCommand({ QueueUrl, ...input }));
  }

  async receive(QueueUrl: string, input: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> {
    const MaxNumberOfMessages = 10;
    const request = { QueueUrl, MaxNumberOfMessages, MessageSystemAttributeNames: ['All'], ...input };
    const { Messages = [] } = await this.sqs.send(
      new ReceiveMessageCommand(request as ReceiveMessageCommandInput),
    );
    return Messages;
  }

  async bodies(QueueUrl: string): Promise<(string | undefined)[]> {
    return (await this.receive(QueueUrl, { VisibilityTimeout: 0 })).map(({ Body }) => Body).sort();
  }

  /** The numbers of messages that are visible and in flight. */
  async counts(QueueUrl: string): Promise<[visible: number, inFlight: number]> {
    const { Attributes } = await this.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    return [
      Number(Attributes?.['ApproximateNumberOfMessages']),
      Number(Attributes?.['ApproximateNumberOfMessagesNotVisible']),
    ];
  }

  async close(): Promise<void> {
    this.sqs.destroy();
    await this.cloud.close();
  }
}
