import { AwsError } from '../front-door/service.ts';

/** What CloudFormation answers to almost everything that is wrong with a call or its template. */
export function validationError(message: string): AwsError {
  return new AwsError('ValidationError', message);
}

/** The reason of a failed resource or stack, in words for an event. */
export function reasonOf(error: unknown): string {
  if (error instanceof AwsError) return `${error.message} (Error Code: ${error.code})`;
  return error instanceof Error ? error.message : String(error);
}
