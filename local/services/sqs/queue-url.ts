import { AwsError } from '../../front-door/service.ts';

/** Queue URLs have the front door's origin, as an SDK sends its calls to the URL's host. */
export function queueUrl(endpoint: string, accountId: string, name: string): string {
  return `${endpoint}/${accountId}/${name}`;
}

/** The name in a queue URL. The host is ignored: the URL of a template may name AWS's. */
export function parseQueueUrl(url: unknown, accountId: string): string {
  if (typeof url !== 'string' || url === '') {
    throw new AwsError('MissingParameter', 'The request must contain the parameter QueueUrl.');
  }
  const [account, name, ...rest] = url
    .replace(/^https?:\/\/[^/]+/, '')
    .split('/')
    .filter(Boolean);
  if (account !== accountId || !name || rest.length > 0) throw queueDoesNotExist();
  return name;
}

export function queueArn(region: string, accountId: string, name: string): string {
  return `arn:aws:sqs:${region}:${accountId}:${name}`;
}

export function parseQueueArn(arn: string): string {
  return arn.split(':')[5] ?? '';
}

/** The URL of a queue in fauxqs, which reads the region from the host. */
export function fauxqsUrl(region: string, accountId: string, name: string): string {
  return `http://sqs.${region}.localhost/${accountId}/${name}`;
}

function queueDoesNotExist(): AwsError {
  return new AwsError('QueueDoesNotExist', 'The specified queue does not exist.');
}
