import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { LONGEST_POLL_SECONDS } from '../lib/limits.ts';
import { keepTime, type TimedClient } from './client-time.ts';
import { type Clock, systemClock } from './clock.ts';

/** How long a call other than a long poll may take before it counts as failed. */
const CALL_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 3_000;

/** An answer of ten messages of 1 MiB takes its time after the poll itself is over. */
export const POLL_TIMEOUT_MS = (LONGEST_POLL_SECONDS + 15) * 1000;

/** Calls at once to one service; more wait for a connection. */
const MAX_SOCKETS = 64;

/**
 * The signature covers a body already: a second sum over it is only for calls that S3 refuses without one. A question
 * whether a body may come costs a long one a way to the bucket and back.
 */
const OBJECTS = {
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
  expectContinueHeader: false,
} as const;

const nothing = () => {};
/**
 * The SDK makes a copy of every input and output for a logger that has `info`, its own default included, which then
 * drops it: a tenth of what a call costs.
 */
const WITHOUT_COPIES = {
  trace: nothing,
  debug: nothing,
  warn: nothing,
  error: nothing,
} as NonNullable<SQSClientConfig['logger']>;

/**
 * The SDK's way of a call is made once for each kind of call, until one comes with options: a fifth of what a call costs.
 * Calls share it, and with it the endpoint, which for one client's tables is always the same.
 */
const ONE_WAY = { cacheMiddleware: true } as const;

/**
 * The AWS clients of one process: made once and passed in. Region, credentials and endpoints are found as any
 * AWS SDK finds them (`AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_SQS`, the instance's metadata, ...).
 */
export interface Clients {
  readonly sqs: SQSClient;
  /** For long polls alone: a call on `sqs` never waits for a connection behind one, nor for its time-out. */
  readonly polls: SQSClient;
  readonly dynamodb: DynamoDBClient;
  readonly autoScaling: AutoScalingClient;
  readonly cloudWatch: CloudWatchClient;
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  readonly sts: STSClient;
  /** Closes the connections of all clients that were used. */
  destroy(): void;
}

type Client = TimedClient & { destroy(): void };

/**
 * Makes the clients, each when it is first asked for: an idle one costs memory, and an agent without a table or a
 * group needs few. The SDK's standard retries (three tries, jittered) apply to all but long polls, whose loop backs
 * off by itself; what a batch call refuses for single entries, the SDK never retries: its caller must.
 *
 * @param clock learns AWS's time from the answers, and signs the first call of each client by it
 */
export function createClients(region: string, clock: Clock = systemClock): Clients {
  const made: Client[] = [];
  const once = <One extends Client>(make: () => One): (() => One) => {
    let client: One | undefined;
    return () => {
      if (client) return client;
      client = make();
      keepTime(client, clock);
      made.push(client);
      return client;
    };
  };
  const calls = clientOptions(region);
  // The queue's URL names a queue, not a host to call: with an endpoint set, that one is called.
  const queues = { ...calls, useQueueUrlAsEndpoint: false };
  const sqs = once(() => new SQSClient(queues));
  const polls = once(
    () => new SQSClient({ ...queues, requestHandler: handler(POLL_TIMEOUT_MS), maxAttempts: 1 }),
  );
  const dynamodb = once(() => new DynamoDBClient({ ...calls, ...ONE_WAY }));
  const autoScaling = once(() => new AutoScalingClient(calls));
  const cloudWatch = once(() => new CloudWatchClient(calls));
  const s3 = once(() => new S3Client({ ...calls, ...OBJECTS }));
  const ssm = once(() => new SSMClient(calls));
  const sts = once(() => new STSClient(calls));
  return {
    get sqs() {
      return sqs();
    },
    get polls() {
      return polls();
    },
    get dynamodb() {
      return dynamodb();
    },
    get autoScaling() {
      return autoScaling();
    },
    get cloudWatch() {
      return cloudWatch();
    },
    get s3() {
      return s3();
    },
    get ssm() {
      return ssm();
    },
    get sts() {
      return sts();
    },
    destroy() {
      for (const client of made) client.destroy();
    },
  };
}

/** What every client is made with. */
export function clientOptions(region: string) {
  return { region, requestHandler: handler(CALL_TIMEOUT_MS), logger: WITHOUT_COPIES };
}

function handler(requestTimeout: number) {
  return {
    requestTimeout,
    // Without this the SDK only warns of a request that hangs, and goes on waiting.
    throwOnRequestTimeout: true,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
  };
}
