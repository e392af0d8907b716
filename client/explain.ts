import { AutoScalingServiceException } from '@aws-sdk/client-auto-scaling';
import { CloudWatchServiceException } from '@aws-sdk/client-cloudwatch';
import { DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import { S3ServiceException } from '@aws-sdk/client-s3';
import { SQSServiceException } from '@aws-sdk/client-sqs';
import { SSMServiceException } from '@aws-sdk/client-ssm';
import type { FleetFacts } from '../store/fleet-facts.ts';
import { IndexNotReady } from '../store/index-pages.ts';
import { shellWord } from '../cli/shell-word.ts';
import { AccessDenied, FleetError, NoCredentials, StoreGone, Throttled, Unreachable } from './errors.ts';

/** What a call was about, as far as it is known when it fails. */
export type About = Pick<FleetFacts, 'region'> &
  Partial<Pick<FleetFacts, 'fleet' | 'table' | 'queueUrl' | 'logBucket' | 'group'>>;

/** Runs what calls AWS. Rejects with a `FleetError` for what AWS or the network answer; anything else passes. */
export async function explained<T>(about: About, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw explain(about, error);
  }
}

/** The same for what is read bit by bit. */
export async function* explainedEach<T>(about: About, items: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw explain(about, error);
  }
}

/** A `FleetError` in place of an error of AWS, of its client or of the network; any other error as it is. */
export function explain(about: About, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof FleetError || error.name === 'AbortError') return error;
  const options = { cause: error };
  const place = placeOf(about, error);
  if (NO_CREDENTIALS.has(error.name)) return new NoCredentials(withoutCredentials(), options);
  if (REFUSED_CREDENTIALS.has(error.name)) {
    return new NoCredentials(
      `AWS does not take these credentials (${said(error)}): renew them, and see that they are for this account.`,
      options,
    );
  }
  if (DENIED.has(error.name)) {
    return new AccessDenied(
      `AWS does not let these credentials use ${place} (${said(error)}). \`fleet.grantEnqueue()\` and its like in the ` +
        'CDK app give rights; another profile may have them.',
      options,
    );
  }
  if (isThrottling(error)) {
    return new Throttled(
      `AWS refuses calls to ${place} for now: there are too many (${said(error)}). Try again in a moment.`,
      options,
    );
  }
  if (GONE.has(error.name)) {
    return new StoreGone(
      `${capital(place)} is gone, or not in region ${about.region} (${said(error)}). Was the stack deleted or deployed ` +
        'anew? Then what names it here (variables, an outputs file) is out of date.',
      options,
    );
  }
  if (isUnreachable(error)) {
    return new Unreachable(
      `No answer from ${place} in region ${about.region} (${said(error)}): is the region right, and is there a way to it?`,
      options,
    );
  }
  if (error instanceof IndexNotReady) {
    return new FleetError(`${capital(error.message)}. \`mayfly doctor\` says which.`, options);
  }
  if (!isAnswer(error)) return error;
  return new FleetError(`AWS refuses a call to ${place} (${said(error)}).`, options);
}

const NO_CREDENTIALS = new Set(['CredentialsProviderError', 'TokenProviderError']);
const REFUSED_CREDENTIALS = new Set([
  'AuthFailure',
  'ExpiredToken',
  'ExpiredTokenException',
  'IncompleteSignature',
  'InvalidAccessKeyId',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'InvalidToken',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);
const DENIED = new Set([
  'AccessDenied',
  'AccessDeniedException',
  'AuthorizationError',
  'Forbidden',
  'UnauthorizedOperation',
]);
const GONE = new Set([
  'AWS.SimpleQueueService.NonExistentQueue',
  'NoSuchBucket',
  'QueueDoesNotExist',
  'ResourceNotFoundException',
]);
const THROTTLED = new Set([
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'RequestThrottled',
  'RequestThrottledException',
  'SlowDown',
  'TableThrottledError',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
]);
const NETWORK = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** Whether AWS asks for fewer calls. */
export function isThrottling(error: unknown): boolean {
  return (
    error instanceof Throttled ||
    (error instanceof Error && (THROTTLED.has(error.name) || statusOf(error) === 429))
  );
}

/** Whether a call was refused, so that it certainly had no effect: one that got no answer may have had. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (NO_CREDENTIALS.has(error.name)) return true;
  const status = statusOf(error) ?? 0;
  return (status >= 400 && status < 500) || isThrottling(error);
}

function isUnreachable(error: Error): boolean {
  if (error.name === 'TimeoutError') return true;
  return ('code' in error && NETWORK.has(String(error.code))) || (statusOf(error) ?? 0) >= 500;
}

/** Whether AWS has answered, and it is no defect of ours. */
function isAnswer(error: Error): boolean {
  return statusOf(error) !== undefined;
}

function statusOf(error: Error): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

function placeOf({ fleet, table, queueUrl, logBucket, group }: About, error: Error): string {
  const of = fleet === undefined ? '' : ` of fleet ${fleet}`;
  const named = (what: string, name: string | undefined) =>
    `the ${what}${name === undefined ? '' : ` ${name}`}${of}`;
  if (error instanceof DynamoDBServiceException) return named('table', table);
  if (error instanceof SQSServiceException) return named('queue', queueUrl);
  if (error instanceof S3ServiceException) return named('log bucket', logBucket);
  if (error instanceof AutoScalingServiceException) return named('Auto Scaling group', group);
  if (error instanceof SSMServiceException) return "Systems Manager's parameters";
  if (error instanceof CloudWatchServiceException) return 'CloudWatch';
  return fleet === undefined ? 'AWS' : `what fleet ${fleet} is made of`;
}

function withoutCredentials(profile = process.env['AWS_PROFILE']): string {
  if (profile) {
    return (
      `No AWS credentials were found for the profile ${profile} (AWS_PROFILE): see that ~/.aws/config or ` +
      `~/.aws/credentials has it, and log in if it asks for that (\`aws sso login --profile ${shellWord(profile)}\`).`
    );
  }
  return (
    'No AWS credentials were found. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in ' +
    '(`aws sso login`); for `mayfly local`, the variables that it prints.'
  );
}

/** AWS's own words, which name the action and who called. */
function said(error: Error): string {
  const text = error.message.trim().replace(/\.$/, '');
  const code = 'code' in error ? String(error.code) : '';
  if (text === '') return code === '' ? error.name : `${error.name}: ${code}`;
  return text.includes(error.name) || error.name === 'Error' ? text : `${error.name}: ${text}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
