import * as v from 'valibot';
import { type FleetFacts, FleetFactsSchema } from '../../store/fleet-facts.ts';
import { WrongOption } from '../errors.ts';

/** What a fleet is made of, by name. */
export interface Names {
  queueUrl?: string;
  table?: string;
  logBucket?: string;
  /** The Auto Scaling group. */
  group?: string;
  deadLetterQueueUrl?: string;
}

/** With the command's names for them: most people who read of one have typed it there. */
const NEEDED = {
  queueUrl: '--queue-url (MAYFLY_QUEUE_URL)',
  table: '--table (MAYFLY_TABLE)',
  logBucket: '--log-bucket (MAYFLY_LOG_BUCKET)',
  group: '--auto-scaling-group (MAYFLY_AUTO_SCALING_GROUP)',
} as const satisfies Partial<Record<keyof Names, string>>;

/**
 * The facts of a fleet of which only names are known: durations and limits are the defaults of its props.
 *
 * @param fleet what it is called in sentences; by default its group's name
 */
export function factsOfNames(names: Names, region: string, fleet = names.group): FleetFacts {
  const missing = Object.entries(NEEDED).filter(([key]) => !names[key as keyof Names]);
  if (missing.length > 0) {
    const list = missing.map(([, said]) => said).join(', ');
    throw new WrongOption(
      `A fleet that is found by names needs all of them; these are not there: ${list}. Its stack's name alone would do ` +
        'as well (--stack, MAYFLY_STACK).',
    );
  }
  const { queueUrl, table, logBucket, group, deadLetterQueueUrl } = names;
  const facts = { version: 1, fleet, region, queueUrl, table, logBucket, group };
  return v.parse(FleetFactsSchema, { ...facts, ...(deadLetterQueueUrl && { deadLetterQueueUrl }) });
}
