import { AutoScalingServiceException } from '@aws-sdk/client-auto-scaling';
import { CloudWatchServiceException } from '@aws-sdk/client-cloudwatch';
import { DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import { S3ServiceException } from '@aws-sdk/client-s3';
import { SQSServiceException } from '@aws-sdk/client-sqs';
import { SSMServiceException } from '@aws-sdk/client-ssm';
import { quoteForShell } from '../lib/shell-word.ts';
import type { FleetFacts } from '../store/fleet-facts.ts';
import { IndexNotReadyError } from '../store/index-pages.ts';
import {
  AccessDeniedError,
  FleetError,
  NoCredentialsError,
  StoreGoneError,
  ThrottledError,
  UnreachableError,
} from './errors.ts';

/** The resources that a failed call may have been for. */
export type CallTarget = Pick<FleetFacts, 'region'> &
  Partial<Pick<FleetFacts, 'fleet' | 'table' | 'queueUrl' | 'logBucket' | 'group'>>;

/**
 * Runs a function that calls AWS. Errors of AWS and of the network become a `FleetError`, other errors stay as they
 * are.
 */
export async function withExplainedErrors<T>(about: CallTarget, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw explainError(about, error);
  }
}

/** The same for a generator. */
export async function* withExplainedErrorsEach<T>(
  about: CallTarget,
  items: AsyncIterable<T>,
): AsyncGenerator<T> {
  try {
    yield* items;
  } catch (error) {
    throw explainError(about, error);
  }
}

/** Returns a `FleetError` for an error of AWS, of its client or of the network. Returns any other error as it is. */
export function explainError(about: CallTarget, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof FleetError || error.name === 'AbortError') return error;
  const options = { cause: error };
  const place = placeOf(about, error);
  if (NO_CREDENTIALS.has(error.name)) return new NoCredentialsError(withoutCredentials(), options);
  if (REFUSED_CREDENTIALS.has(error.name)) {
    return new NoCredentialsError(
      `AWS does not accept these credentials (${originalText(error)}). Renew them, and check that they are for this account.`,
      options,
    );
  }
  if (DENIED.has(error.name)) {
    return new AccessDeniedError(
      `AWS does not let these credentials use ${place} (${originalText(error)}). Use another profile, or grant the right in ` +
        'the CDK app (`fleet.grantEnqueue()` and the other grant methods).',
      options,
    );
  }
  if (isThrottling(error)) {
    return new ThrottledError(
      `AWS throttles calls to ${place} (${originalText(error)}). Try again in a minute.`,
      options,
    );
  }
  if (GONE.has(error.name)) {
    return new StoreGoneError(
      `${capital(place)} is gone, or not in region ${about.region} (${originalText(error)}). If the stack was deleted or ` +
        'deployed again, the variables or the outputs file that name it are out of date.',
      options,
    );
  }
  if (isUnreachable(error)) {
    return new UnreachableError(
      `No answer from ${place} in region ${about.region} (${originalText(error)}). Check the region and the network.`,
      options,
    );
  }
  if (error instanceof IndexNotReadyError) {
    return new FleetError(`${capital(error.message)}. \`mayfly doctor\` says which.`, options);
  }
  if (!isAnswer(error)) return error;
  return new FleetError(`AWS refuses a call to ${place} (${originalText(error)}).`, options);
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

/** Whether AWS throttled the call. */
function isThrottling(error: unknown): boolean {
  return (
    error instanceof ThrottledError ||
    (error instanceof Error && (THROTTLED.has(error.name) || statusOf(error) === 429))
  );
}

/** Whether AWS refused the call, so that it had no effect. A call without an answer may have had one. */
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

/** Whether AWS has answered. Otherwise the error is a defect of this library. */
function isAnswer(error: Error): boolean {
  return statusOf(error) !== undefined;
}

function statusOf(error: Error): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;
}

function placeOf({ fleet, table, queueUrl, logBucket, group }: CallTarget, error: Error): string {
  const of = fleet === undefined ? '' : ` of fleet ${fleet}`;
  const named = (what: string, name: string | undefined) =>
    `the ${what}${name === undefined ? '' : ` ${name}`}${of}`;
  if (error instanceof DynamoDBServiceException) return named('table', table);
  if (error instanceof SQSServiceException) return named('queue', queueUrl);
  if (error instanceof S3ServiceException) return named('log bucket', logBucket);
  if (error instanceof AutoScalingServiceException) return named('Auto Scaling group', group);
  if (error instanceof SSMServiceException) return "Systems Manager's parameters";
  if (error instanceof CloudWatchServiceException) return 'CloudWatch';
  return fleet === undefined ? 'AWS' : `the resources of fleet ${fleet}`;
}

function withoutCredentials(profile = process.env['AWS_PROFILE']): string {
  if (profile) {
    return (
      `No AWS credentials were found for the profile ${profile} (AWS_PROFILE). Check that ~/.aws/config or ` +
      `~/.aws/credentials has it. Log in if it uses SSO (\`aws sso login --profile ${quoteForShell(profile)}\`).`
    );
  }
  return (
    'No AWS credentials were found. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in ' +
    '(`aws sso login`). For `mayfly local` set the variables that it prints.'
  );
}

/** The text of the error. AWS's names the action and the caller. */
function originalText(error: Error): string {
  const text = error.message.trim().replace(/\.$/, '');
  const code = 'code' in error ? String(error.code) : '';
  if (text === '') return code === '' ? error.name : `${error.name}: ${code}`;
  return text.includes(error.name) || error.name === 'Error' ? text : `${error.name}: ${text}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
