/**
 * The baseline for the agent, in its fastest form: a batch of as many messages as there are slots, run in parallel, with
 * one delete for all. It captures output, as the agent does.
 */
import { type Message, SQSClient } from '@aws-sdk/client-sqs';
import { execa } from 'execa';
import { Consumer } from 'sqs-consumer';

const [queueUrl = '', slots = '8', program = 'true', ...args] = process.argv.slice(2);

const consumer = Consumer.create({
  queueUrl,
  batchSize: Number(slots),
  sqs: new SQSClient({ useQueueUrlAsEndpoint: false }),
  async handleMessageBatch(messages: Message[]) {
    await Promise.all(messages.map(({ Body = '' }) => execa(program, [...args, Body], { input: Body })));
    return messages;
  },
});
consumer.on('error', fail);
consumer.on('processing_error', fail);
process.once('SIGTERM', () => process.exit());
consumer.start();

function fail(error: Error): void {
  console.error(`sqs-consumer: ${error.message}`);
  process.exit(1);
}
