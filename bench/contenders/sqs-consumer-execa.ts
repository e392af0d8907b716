/**
 * The peer that the agent is measured beside, in its fastest form: a batch of as many messages as there are slots,
 * its jobs side by side, one delete for all. Output is captured, as the agent's is.
 */
import { type Message, SQSClient } from '@aws-sdk/client-sqs';
import { execa } from 'execa';
import { Consumer } from 'sqs-consumer';

const [queueUrl = '', slots = '8', program = 'true', ...words] = process.argv.slice(2);

const consumer = Consumer.create({
  queueUrl,
  batchSize: Number(slots),
  sqs: new SQSClient({ useQueueUrlAsEndpoint: false }),
  async handleMessageBatch(messages: Message[]) {
    await Promise.all(messages.map(({ Body = '' }) => execa(program, [...words, Body], { input: Body })));
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
