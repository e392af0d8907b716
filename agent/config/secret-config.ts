import * as v from 'valibot';
import { text } from '../../lib/schema.ts';

/**
 * The most secrets of a fleet. A secret of Secrets Manager has at most 64 KiB ("AWS Secrets Manager quotas"), and Linux lets a
 * program start with 2 MiB of variables and arguments (execve(2), with a stack of 8 MiB).
 */
export const MOST_SECRETS = 20;

/** What the name of a secret may be. It is an environment variable of the worker, and none that the agent sets itself. */
export const SECRET_NAME = /^(?!MAYFLY_|AWS_|(?:__proto__|constructor|prototype)$)[A-Za-z_][A-Za-z0-9_]*$/;

export const SECRET_NAME_ALLOWED =
  'a variable name of letters, digits and "_" that does not begin with a digit, MAYFLY_ or AWS_';

/** A secret of the workers. The configuration says where the value is, and never has the value. */
const secret = v.strictObject({
  source: v.picklist(['secretsmanager', 'ssm'], 'one of secretsmanager, ssm'),
  /** The ARN of a secret of Secrets Manager, or the name of an SSM parameter. */
  id: text,
  /** The key of the JSON object that the value is. Without it the secret is the whole value. */
  field: v.optional(text),
  /** True: the variable has the path of a file with the value, not the value itself. */
  file: v.optional(v.boolean('true or false')),
});

/** The prop `secrets`, by the names of the workers' environment variables. */
export const secretsSchema = v.pipe(
  v.record(v.pipe(v.string(), v.regex(SECRET_NAME, SECRET_NAME_ALLOWED)), secret),
  v.check((all) => Object.keys(all).length <= MOST_SECRETS, `at most ${MOST_SECRETS} secrets`),
);

export type SecretConfig = v.InferOutput<typeof secret>;
