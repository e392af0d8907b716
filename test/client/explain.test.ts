import { DynamoDBServiceException } from '@aws-sdk/client-dynamodb';
import { S3ServiceException } from '@aws-sdk/client-s3';
import { SQSServiceException } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { FleetError, StoreGoneError } from '../../client/errors.ts';
import { explainError, isRefusal } from '../../client/explain.ts';
import { TableThrottledError } from '../../store/batches.ts';

const names = { queueUrl: 'https://sqs/q', table: 'jobs', logBucket: 'logs' };
const about = { region: 'eu-west-1', fleet: 'Shop/Mail', ...names };

type Answer = new (options: {
  name: string;
  message: string;
  $fault: 'client';
  $metadata: { httpStatusCode: number };
}) => Error;

/** An error as the SDK creates it from an answer of AWS. */
function answer(Service: Answer, name: string, message: string, httpStatusCode = 400): Error {
  return new Service({ name, message, $fault: 'client', $metadata: { httpStatusCode } });
}

function without(name: string, message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name }, more);
}

describe('an error of AWS or of the network becomes a sentence', () => {
  it.each<[string, Error, string, string]>([
    [
      'no credentials',
      without('CredentialsProviderError', 'x'),
      'NoCredentialsError',
      'No AWS credentials were found.',
    ],
    [
      'credentials that AWS does not accept',
      answer(SQSServiceException, 'InvalidClientTokenId', 'The security token is invalid.', 403),
      'NoCredentialsError',
      'AWS does not accept these credentials (InvalidClientTokenId: The security token is invalid). Renew them',
    ],
    [
      'a missing permission',
      answer(S3ServiceException, 'AccessDenied', 'User: x is not authorized to perform: s3:GetObject.', 403),
      'AccessDeniedError',
      'AWS does not let these credentials use the log bucket logs of fleet Shop/Mail (AccessDenied: User: x is not ' +
        'authorized to perform: s3:GetObject).',
    ],
    [
      'too many calls',
      answer(DynamoDBServiceException, 'ThrottlingException', 'Rate exceeded'),
      'ThrottledError',
      'AWS throttles calls to the table jobs of fleet Shop/Mail (ThrottlingException: Rate exceeded)',
    ],
    [
      'a batch that is not done after all retries',
      new TableThrottledError('jobs', 3),
      'ThrottledError',
      'AWS throttles calls to the resources of fleet',
    ],
    [
      'a table that is gone',
      answer(DynamoDBServiceException, 'ResourceNotFoundException', 'Requested resource not found'),
      'StoreGoneError',
      'The table jobs of fleet Shop/Mail is gone, or not in region eu-west-1',
    ],
    [
      'a queue that is gone',
      answer(SQSServiceException, 'QueueDoesNotExist', 'The specified queue does not exist.'),
      'StoreGoneError',
      'The queue https://sqs/q of fleet Shop/Mail is gone, or not in region eu-west-1',
    ],
    [
      'a bucket that is gone',
      answer(S3ServiceException, 'NoSuchBucket', 'The specified bucket does not exist', 404),
      'StoreGoneError',
      'The log bucket logs of fleet Shop/Mail is gone, or not in region eu-west-1',
    ],
    [
      'an unknown host',
      without('Error', 'getaddrinfo ENOTFOUND sqs.eu-west-9.amazonaws.com', { code: 'ENOTFOUND' }),
      'UnreachableError',
      'No answer from the resources of fleet Shop/Mail in region eu-west-1 (getaddrinfo ENOTFOUND sqs.eu-west-9',
    ],
    [
      'a fault of AWS',
      answer(SQSServiceException, 'InternalError', 'We encountered an error', 500),
      'UnreachableError',
      'No answer from the queue https://sqs/q of fleet Shop/Mail',
    ],
    [
      'anything else that AWS refuses',
      answer(SQSServiceException, 'InvalidParameterValue', 'Value x is bad.'),
      'FleetError',
      'AWS refuses a call to the queue https://sqs/q of fleet Shop/Mail (InvalidParameterValue: Value x is bad).',
    ],
  ])('%s', (_, error, name, part) => {
    const explained = explainError(about, error) as Error;
    expect(explained.name).toBe(name);
    expect(explained).toBeInstanceOf(FleetError);
    expect(explained.message).toContain(part);
    expect(explained.cause).toBe(error);
  });

  it.each([
    ['a defect', new TypeError('x is undefined')],
    ['an abort', without('AbortError', 'aborted')],
    ['an error that was explained already', new StoreGoneError('It is gone.')],
    ['a value that is no error', 'text'],
  ])('but not %s', (_, error) => {
    expect(explainError(about, error)).toBe(error);
  });

  it('names only what is known', () => {
    const error = answer(DynamoDBServiceException, 'ResourceNotFoundException', 'not found');
    expect((explainError({ region: 'eu-west-1' }, error) as Error).message).toMatch(
      /^The table is gone, or not in/,
    );
  });
});

describe('a call that was refused had no effect', () => {
  it.each([
    ['refused', answer(SQSServiceException, 'AccessDenied', 'no', 403), true],
    ['throttled', answer(SQSServiceException, 'RequestThrottled', 'slow down', 403), true],
    ['never made', without('CredentialsProviderError', 'none'), true],
    ['broken off', without('TimeoutError', 'no answer'), false],
    ['answered by a fault', answer(SQSServiceException, 'InternalError', 'oh', 500), false],
    ['a defect', new TypeError('x'), false],
  ])('one that was %s: %#', (_, error, refused) => {
    expect(isRefusal(error)).toBe(refused);
  });
});
