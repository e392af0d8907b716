import { SSMClient } from '@aws-sdk/client-ssm';
import { AwsClock } from '../../aws/aws-clock.ts';
import { createClients } from '../../aws/clients.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import type { FleetContext } from '../context.ts';
import { WrongOption } from '../errors.ts';
import { factsOfNames, type Names } from './names.ts';
import { namesInOutputs } from './outputs-file.ts';
import { factsInParameters } from './parameters.ts';

/**
 * Which fleet. By its queue and the other names, if one of these is given; else by a file of outputs; else by the
 * stack's name; else it is the only one in the region.
 */
export interface FindOptions extends Names {
  /** The CloudFormation stack. */
  stack?: string;
  /** The fleet in its stack: needed where that has several. */
  fleet?: string;
  /** Path of what `cdk deploy --outputs-file` wrote. */
  outputs?: string;
  /** Default: what AWS's own tools take. */
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
 * Finds a deployed fleet. Options say which; without any, variables of the environment do (`MAYFLY_STACK`,
 * `MAYFLY_FLEET`, `MAYFLY_OUTPUTS`, or the names: `MAYFLY_QUEUE_URL`, ...).
 *
 * Rejects with `FleetNotFound`, which lists the fleets that there are, `WrongOption`, or what `explain` makes of
 * AWS's answers.
 */
export async function findFleet(
  options: FindOptions = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<FleetContext> {
  const which = { ...options, ...(isSilent(options) && fromEnvironment(env)) };
  const region = which.region ?? (await regionOf(which, env));
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

type Found = Pick<FleetContext, 'facts' | 'toldByStack'>;

async function factsOf(which: FindOptions, region: string, ssm: () => SSMClient): Promise<Found> {
  if (which.outputs !== undefined) {
    const found = await namesInOutputs(which.outputs, which);
    if (found.parameter === undefined) return { facts: factsOfNames(found.names, region, found.fleet) };
    return told(factsInParameters(ssm(), region, { parameter: found.parameter }));
  }
  if (isNamed(which)) return { facts: factsOfNames(which, region) };
  return told(factsInParameters(ssm(), region, which));
}

async function told(facts: Promise<FleetFacts>): Promise<Found> {
  return { facts: await facts, toldByStack: true };
}

/** Whether the options leave it open which fleet is meant. */
function isSilent(options: FindOptions): boolean {
  return Object.keys(VARIABLES).every((key) => options[key as keyof typeof VARIABLES] === undefined);
}

function isNamed({ queueUrl, table, logBucket, group, deadLetterQueueUrl }: Names): boolean {
  return [queueUrl, table, logBucket, group, deadLetterQueueUrl].some((name) => name !== undefined);
}

function fromEnvironment(env: NodeJS.ProcessEnv): FindOptions {
  return Object.fromEntries(
    Object.entries(VARIABLES).flatMap(([key, variable]) => (env[variable] ? [[key, env[variable]]] : [])),
  );
}

/** A queue's URL tells its region; else it is where AWS's own tools look, each of which knows one of these variables. */
export async function regionOf({ queueUrl }: FindOptions, env: NodeJS.ProcessEnv): Promise<string> {
  const told = queueUrl && /^https:\/\/sqs\.([a-z0-9-]+)\.amazonaws\.com/.exec(queueUrl)?.[1];
  const known = told || env['AWS_REGION'] || env['AWS_DEFAULT_REGION'];
  if (known) return known;
  const client = new SSMClient({});
  try {
    return await client.config.region();
  } catch (cause) {
    const profile = env['AWS_PROFILE'];
    const named = profile ? `, and the profile ${profile} (AWS_PROFILE) has none or is not there` : '';
    throw new WrongOption(
      `No AWS region is set${named}: name one (--region, AWS_REGION, or the profile in ~/.aws/config).`,
      { cause },
    );
  } finally {
    client.destroy();
  }
}
