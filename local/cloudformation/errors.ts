import { AwsError } from '../front-door/service.ts';

/** CloudFormation's error for almost everything that is wrong with a call or its template. */
export function validationError(message: string): AwsError {
  return new AwsError('ValidationError', message);
}

/** The reason of a failed resource or stack, as an event shows it. */
export function errorReason(error: unknown): string {
  if (error instanceof AwsError) return `${error.message} (Error Code: ${error.code})`;
  return error instanceof Error ? error.message : String(error);
}
