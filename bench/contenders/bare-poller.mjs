// The least memory that a long-polling process needs: Node and its HTTP client, without SDK and agent.
import { Agent, request } from 'node:http';

const [endpoint, queueUrl] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const body = JSON.stringify({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 20 });
const headers = {
  'content-type': 'application/x-amz-json-1.0',
  'x-amz-target': 'AmazonSQS.ReceiveMessage',
  authorization: 'AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/sqs/aws4_request',
};

function poll() {
  const call = request(endpoint, { method: 'POST', agent, headers }, (response) => {
    response.resume();
    response.once('end', poll);
  });
  call.once('error', () => setTimeout(poll, 1000));
  call.end(body);
}

poll();
