import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { FleetNotFoundError, WrongOptionError } from '../errors.ts';
import type { ResourceNames } from './resource-names.ts';

/** The file of `cdk deploy --outputs-file`: outputs by stack. */
const OutputsSchema = v.record(v.string(), v.record(v.string(), v.string()));

/** Suffixes of a fleet's outputs, after the fleet's name (`infra/outputs.ts`). */
const OUTPUTS = {
  queueUrl: 'QueueUrl',
  table: 'TableName',
  logBucket: 'LogBucketName',
  group: 'GroupName',
  deadLetterQueueUrl: 'DeadLetterQueueUrl',
} as const satisfies Record<keyof ResourceNames, string>;

export interface FleetInOutputs {
  /** `<stack>/<fleet>`. */
  fleet: string;
  names: ResourceNames;
  /** Name of the SSM parameter with the facts of the fleet. */
  parameter?: string;
}

/**
 * Finds the fleet with this name in an outputs file, or the only one. Rejects with `WrongOptionError` if the file
 * cannot be read, with `FleetNotFoundError` if no fleet of the file matches, or several do.
 */
export async function findInOutputs(
  file: string,
  { stack, fleet }: { stack?: string; fleet?: string },
): Promise<FleetInOutputs> {
  const all = Object.entries(await readOutputs(file)).flatMap(([name, outputs]) => fleetsOf(name, outputs));
  const meant = all.filter((found) => isMeant(found.fleet, stack, fleet));
  const [first] = meant;
  if (first && meant.length === 1) return first;
  const there = all.map((found) => found.fleet).join(', ') || 'none';
  const wanted = [stack && `stack ${stack}`, fleet && `fleet ${fleet}`].filter(Boolean).join(', ');
  throw new FleetNotFoundError(
    first
      ? `The outputs file ${file} has several fleets: ${there}. Select one (--stack and --fleet, or MAYFLY_STACK and ` +
          'MAYFLY_FLEET).'
      : `The outputs file ${file} has no fleet${wanted && ` of ${wanted}`}. It has: ${there}.`,
  );
}

async function readOutputs(file: string): Promise<v.InferOutput<typeof OutputsSchema>> {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new WrongOptionError(`The outputs file cannot be read: ${cause.message}.`, { cause });
  });
  try {
    return v.parse(OutputsSchema, JSON.parse(text));
  } catch (cause) {
    throw new WrongOptionError(
      `${file} is no outputs file: \`cdk deploy --outputs-file\` writes JSON with each stack's outputs under the stack's name.`,
      { cause },
    );
  }
}

/** One for each output that names a queue. */
function fleetsOf(stack: string, outputs: Record<string, string>): FleetInOutputs[] {
  return Object.keys(outputs).flatMap((key) => {
    if (!key.endsWith(OUTPUTS.queueUrl) || key.endsWith(OUTPUTS.deadLetterQueueUrl)) return [];
    const fleet = key.slice(0, -OUTPUTS.queueUrl.length);
    const named = Object.entries(OUTPUTS).flatMap(([name, output]) => {
      const value = outputs[`${fleet}${output}`];
      return value === undefined ? [] : [[name, value]];
    });
    const parameter = outputs[`${fleet}ParameterName`];
    const names = Object.fromEntries(named) as ResourceNames;
    if (names.table === undefined || names.group === undefined) return [];
    return [
      {
        fleet: parameter?.replace(/^\/mayfly\//, '') ?? `${stack}/${fleet}`,
        names,
        ...(parameter && { parameter }),
      },
    ];
  });
}

function isMeant(name: string, stack: string | undefined, fleet: string | undefined): boolean {
  const slash = name.indexOf('/');
  return (
    (stack === undefined || name.slice(0, slash) === stack) &&
    (fleet === undefined || name.slice(slash + 1) === fleet)
  );
}
