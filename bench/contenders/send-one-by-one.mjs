// The baseline of `mayfly enqueue`: a call of SendMessage for each line of a file, one after the other.
import { readFileSync } from 'node:fs';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

const [, , queueUrl, file] = process.argv;
const sqs = new SQSClient({ endpoint: process.env.AWS_ENDPOINT_URL, useQueueUrlAsEndpoint: false });
for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: line }));
}
sqs.destroy();
