import { SSMClient } from '@aws-sdk/client-ssm';
import { AwsClock } from '../../aws/aws-clock.ts';
import { createClients } from '../../aws/clients.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import type { FleetContext } from '../context.ts';
import { WrongOptionError } from '../errors.ts';
import { findInOutputs } from './outputs-file.ts';
import { readFactsFromParameter } from './parameters.ts';
import { factsFromNames, type ResourceNames } from './resource-names.ts';

/**
 * Options of `Fleet.find`. The fleet is found by an outputs file if one is given; else by the names of its resources if
 * one of these is given; else by its stack and name; else it is the only fleet of the region. Without any option the
 * environment variables are used instead: `MAYFLY_STACK`, `MAYFLY_FLEET`, `MAYFLY_OUTPUTS`, or the names
 * (`MAYFLY_QUEUE_URL`, ...).
 */
export interface FindOptions extends ResourceNames {
  /** Name of the CloudFormation stack. Default: any. */
  stack?: string;
  /** Name of the fleet in its stack. Needed if the stack has several fleets. */
  fleet?: string;
  /** Path of the file that `cdk deploy --outputs-file` wrote. */
  outputs?: string;
  /** AWS region. Default: that of `queueUrl`, else `AWS_REGION`, `AWS_DEFAULT_REGION` or the region of the profile. */
  region?: string;
}

const VARIABLES = {
  stack: 'MAYFLY_STACK',
  fleet: 'MAYFLY_FLEET',
  outputs: 'MAYFLY_OUTPUTS',
  queueUrl: 'MAYFLY_QUEUE_URL',
  table: 'MAYFLY_TABLE',
  logBucket: 'MAYFLY_LOG_BUCKET',
  group: 'MAYFLY_AUTO_SCALING_GROUP',
  deadLetterQueueUrl: 'MAYFLY_DEAD_LETTER_QUEUE_URL',
} as const satisfies Partial<Record<keyof FindOptions, string>>;

/**
 * Finds a deployed fleet; see `FindOptions`.
 *
 * Rejects with `FleetNotFoundError`, which lists the fleets that exist, with `WrongOptionError`, or with the errors of
 * `explainError`.
 */
export async function findFleet(
  options: FindOptions = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<FleetContext> {
  const which = { ...options, ...(isUnspecified(options) && fromEnvironment(env)) };
  const region = which.region ?? (await findRegion(which, env));
  const clock = new AwsClock();
  const clients = createClients(region, clock);
  try {
    const found = await factsOf(which, region, () => clients.ssm);
    return { ...found, clients, clock, random: Math.random };
  } catch (error) {
    clients.destroy();
    throw error;
  }
}

type Found = Pick<FleetContext, 'facts' | 'isFromStack'>;

async function factsOf(which: FindOptions, region: string, ssm: () => SSMClient): Promise<Found> {
  if (which.outputs !== undefined) {
    const found = await findInOutputs(which.outputs, which);
    if (found.parameter === undefined) return { facts: factsFromNames(found.names, region, found.fleet) };
    return fromStack(readFactsFromParameter(ssm(), region, { parameter: found.parameter }));
  }
  if (isNamed(which)) return { facts: factsFromNames(which, region) };
  return fromStack(readFactsFromParameter(ssm(), region, which));
}

async function fromStack(facts: Promise<FleetFacts>): Promise<Found> {
  return { facts: await facts, isFromStack: true };
}

/** Whether the options do not say which fleet. */
function isUnspecified(options: FindOptions): boolean {
  return Object.keys(VARIABLES).every((key) => options[key as keyof typeof VARIABLES] === undefined);
}

function isNamed({ queueUrl, table, logBucket, group, deadLetterQueueUrl }: ResourceNames): boolean {
  return [queueUrl, table, logBucket, group, deadLetterQueueUrl].some((name) => name !== undefined);
}

function fromEnvironment(env: NodeJS.ProcessEnv): FindOptions {
  return Object.fromEntries(
    Object.entries(VARIABLES).flatMap(([key, variable]) => (env[variable] ? [[key, env[variable]]] : [])),
  );
}

/** The region in the queue's URL, else that of the environment variables and the profile, which AWS's tools use too. */
export async function findRegion({ queueUrl }: FindOptions, env: NodeJS.ProcessEnv): Promise<string> {
  const ofQueue = queueUrl && /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com/.exec(queueUrl)?.[1];
  const known = ofQueue || env['AWS_REGION'] || env['AWS_DEFAULT_REGION'];
  if (known) return known;
  const client = new SSMClient({});
  try {
    return await client.config.region();
  } catch (cause) {
    const profile = env['AWS_PROFILE'];
    const named = profile ? `, and the profile ${profile} (AWS_PROFILE) has none or does not exist` : '';
    throw new WrongOptionError(
      `No AWS region is set${named}. Set one (--region, AWS_REGION, or the profile in ~/.aws/config).`,
      { cause },
    );
  } finally {
    client.destroy();
  }
}
