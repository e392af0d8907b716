import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { SQS_MAX_WAIT_SECONDS } from '../lib/limits.ts';
import { synchronizeTime, type TimedClient } from './client-time.ts';
import { type Clock, systemClock } from './clock.ts';

/** Timeout of a call that is not a long poll. */
const CALL_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 3_000;

/** A response with ten messages of 1 MiB takes some seconds to arrive after the poll has ended. */
export const POLL_TIMEOUT_MS = (SQS_MAX_WAIT_SECONDS + 15) * 1000;

/** Concurrent calls to one service. More of them wait for a connection. */
const MAX_SOCKETS = 64;

/**
 * The signature already covers the body, so a checksum is sent only where S3 requires one. `Expect: 100-continue` would
 * cost a long body one more round trip.
 */
const OBJECTS = {
  requestChecksumCalculation: 'WHEN_REQUIRED',
  responseChecksumValidation: 'WHEN_REQUIRED',
  expectContinueHeader: false,
} as const;

const ignore = () => {};
/**
 * The SDK copies every input and output for a logger that has `info`. Its default logger has it and drops the copies.
 * They make up a tenth of the CPU time of a call.
 */
const LOGGER_WITHOUT_INFO = {
  trace: ignore,
  debug: ignore,
  warn: ignore,
  error: ignore,
} as NonNullable<SQSClientConfig['logger']>;

/**
 * Makes the SDK resolve the middleware once for each kind of call that has no options. That saves a fifth of the CPU time
 * of a call. Calls then share the endpoint too, which is always the same for the tables of one client.
 */
const CACHED_MIDDLEWARE = { cacheMiddleware: true } as const;

/**
 * The AWS clients of one process, created once and passed in. Region, credentials and endpoints come from where every
 * AWS SDK takes them (`AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ENDPOINT_URL_SQS`, the instance's metadata, ...).
 */
export interface Clients {
  readonly sqs: SQSClient;
  /** For long polls only, so that a call on `sqs` never waits for a connection that a long poll holds. */
  readonly polls: SQSClient;
  readonly dynamodb: DynamoDBClient;
  readonly autoScaling: AutoScalingClient;
  readonly cloudWatch: CloudWatchClient;
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  /** Closes the connections of all clients that were used. */
  destroy(): void;
}

type Client = TimedClient & { destroy(): void };

/**
 * Creates the clients, each at its first use: an idle client costs memory, and an agent without a table or a group needs
 * few. The SDK's standard retries (three attempts, with jitter) apply to all calls but long polls, whose loop backs off
 * by itself. The SDK does not retry single entries that a batch call refuses: the caller has to.
 *
 * @param clock learns AWS's time from the responses. The first call of each client is signed with it.
 */
export function createClients(region: string, clock: Clock = systemClock): Clients {
  const created: Client[] = [];
  const lazy = <Kind extends Client>(create: () => Kind): (() => Kind) => {
    let client: Kind | undefined;
    return () => {
      if (client) return client;
      client = create();
      synchronizeTime(client, clock);
      created.push(client);
      return client;
    };
  };
  const calls = clientOptions(region);
  // The queue's URL names a queue. If an endpoint is set, calls go to the endpoint.
  const queues = { ...calls, useQueueUrlAsEndpoint: false };
  const sqs = lazy(() => new SQSClient(queues));
  const polls = lazy(
    () => new SQSClient({ ...queues, requestHandler: handler(POLL_TIMEOUT_MS), maxAttempts: 1 }),
  );
  const dynamodb = lazy(() => new DynamoDBClient({ ...calls, ...CACHED_MIDDLEWARE }));
  const autoScaling = lazy(() => new AutoScalingClient(calls));
  const cloudWatch = lazy(() => new CloudWatchClient(calls));
  const s3 = lazy(() => new S3Client({ ...calls, ...OBJECTS }));
  const ssm = lazy(() => new SSMClient(calls));
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
    destroy() {
      for (const client of created) client.destroy();
    },
  };
}

/** The options of every client. */
export function clientOptions(region: string) {
  return { region, requestHandler: handler(CALL_TIMEOUT_MS), logger: LOGGER_WITHOUT_INFO };
}

function handler(requestTimeout: number) {
  return {
    requestTimeout,
    // Without this the SDK only warns about a request that hangs, and keeps waiting.
    throwOnRequestTimeout: true,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
  };
}
