import * as v from 'valibot';
import { type FleetFacts, FleetFactsSchema } from '../../store/fleet-facts.ts';
import { WrongOptionError } from '../errors.ts';

/** Names of a fleet's resources. A fleet that is found by names needs all but the last. */
export interface ResourceNames {
  /** URL of the SQS queue. */
  queueUrl?: string;
  /** Name of the DynamoDB table. */
  table?: string;
  /** Name of the S3 bucket for logs and long bodies. */
  logBucket?: string;
  /** Name of the Auto Scaling group. */
  group?: string;
  /** URL of the dead-letter queue. Without it the calls for dead letters are rejected. */
  deadLetterQueueUrl?: string;
}

/** With the options of the command, which most readers of the message use. */
const NEEDED = {
  queueUrl: '--queue-url (MAYFLY_QUEUE_URL)',
  table: '--table (MAYFLY_TABLE)',
  logBucket: '--log-bucket (MAYFLY_LOG_BUCKET)',
  group: '--auto-scaling-group (MAYFLY_AUTO_SCALING_GROUP)',
} as const satisfies Partial<Record<keyof ResourceNames, string>>;

/**
 * The facts of a fleet that is found by names. Its settings are not known, so the defaults of its props are used.
 *
 * @param fleet name of the fleet in messages; default: the name of its group
 */
export function factsFromNames(names: ResourceNames, region: string, fleet = names.group): FleetFacts {
  const missing = Object.entries(NEEDED).filter(([key]) => !names[key as keyof ResourceNames]);
  if (missing.length > 0) {
    const list = missing.map(([, option]) => option).join(', ');
    throw new WrongOptionError(
      `A fleet that is found by names needs all of them. Missing: ${list}. The name of its stack alone is enough ` +
        'too (--stack, MAYFLY_STACK).',
    );
  }
  const { queueUrl, table, logBucket, group, deadLetterQueueUrl } = names;
  const facts = { version: 1, fleet, region, queueUrl, table, logBucket, group };
  return v.parse(FleetFactsSchema, { ...facts, ...(deadLetterQueueUrl && { deadLetterQueueUrl }) });
}
