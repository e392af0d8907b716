import {
  GetParameterCommand,
  type Parameter,
  ParameterNotFound,
  paginateGetParametersByPath,
  type SSMClient,
} from '@aws-sdk/client-ssm';
import * as v from 'valibot';
import { parseJson } from '../../lib/json.ts';
import { type FleetFacts, FleetFactsSchema } from '../../store/fleet-facts.ts';
import { FleetNotFoundError } from '../errors.ts';
import { withExplainedErrors } from '../explain.ts';

/** Each fleet's parameter is `/mayfly/<stack>/<fleet>`. */
const ROOT = '/mayfly/';

export interface ParameterQuery {
  stack?: string;
  fleet?: string;
  /** The parameter's whole name. */
  parameter?: string;
}

/** Reads the facts of a fleet from the SSM parameter that its stack wrote. */
export async function readFactsFromParameter(
  ssm: SSMClient,
  region: string,
  which: ParameterQuery,
): Promise<FleetFacts> {
  return withExplainedErrors({ region }, async () => {
    const { stack, fleet } = which;
    const name = which.parameter ?? (stack && fleet ? `${ROOT}${stack}/${fleet}` : undefined);
    const found = name === undefined ? await findOne(ssm, region, which) : await get(ssm, name);
    if (found) return read(found);
    throw noneOf(which, region, await all(ssm, ROOT));
  });
}

/** Names of the fleets in the region, or in one stack. */
export async function listFleets(
  ssm: SSMClient,
  stack?: string,
): Promise<{ stack: string; fleet: string }[]> {
  const there = await all(ssm, stack === undefined ? ROOT : `${ROOT}${stack}`);
  return there.map((parameter) => {
    const [of = '', fleet = ''] = nameOf(parameter).split('/');
    return { stack: of, fleet };
  });
}

async function get(ssm: SSMClient, name: string): Promise<Parameter | undefined> {
  try {
    return (await ssm.send(new GetParameterCommand({ Name: name }))).Parameter;
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined;
    throw error;
  }
}

/** The only fleet of the stack, with the name, or of the region. */
async function findOne(
  ssm: SSMClient,
  region: string,
  { stack, fleet }: ParameterQuery,
): Promise<Parameter | undefined> {
  const there = await all(ssm, stack === undefined ? ROOT : `${ROOT}${stack}`);
  const named = there.filter((found) => fleet === undefined || nameOf(found).endsWith(`/${fleet}`));
  if (named.length <= 1) return named[0];
  const [where, how] =
    stack === undefined
      ? [`region ${region}`, '--stack and --fleet, or MAYFLY_STACK and MAYFLY_FLEET']
      : [`stack ${stack}`, '--fleet, or MAYFLY_FLEET'];
  throw new FleetNotFoundError(`There are several fleets in ${where}: ${list(named)}. Select one (${how}).`);
}

async function all(ssm: SSMClient, path: string): Promise<Parameter[]> {
  const found: Parameter[] = [];
  for await (const page of paginateGetParametersByPath({ client: ssm }, { Path: path, Recursive: true })) {
    found.push(...(page.Parameters ?? []));
  }
  return found;
}

function noneOf(
  { stack, fleet, parameter }: ParameterQuery,
  region: string,
  there: Parameter[],
): FleetNotFoundError {
  const which = [
    stack && ` of stack ${stack}`,
    fleet && ` called ${fleet}`,
    parameter && ` with the parameter ${parameter}`,
  ];
  const sentence = `There is no fleet${which.filter(Boolean).join('')} in region ${region}`;
  return new FleetNotFoundError(
    there.length === 0
      ? `${sentence}, nor any other. Check the region and the account, and that the stack is deployed.`
      : `${sentence}. Fleets there: ${list(there)}.`,
  );
}

function list(parameters: Parameter[]): string {
  return parameters.map(nameOf).sort().join(', ');
}

/** `<stack>/<fleet>`. */
function nameOf({ Name = '' }: Parameter): string {
  return Name.slice(ROOT.length);
}

function read(parameter: Parameter): FleetFacts {
  const result = v.safeParse(FleetFactsSchema, parseJson(parameter.Value ?? ''));
  if (result.success) return result.output;
  const [issue] = result.issues;
  const wrong = v.getDotPath(issue) ?? 'it is no JSON object';
  throw new FleetNotFoundError(
    `The parameter of fleet ${nameOf(parameter)} has a format that this version of mayfly does not read (${wrong}): the fleet ` +
      'was deployed by another version. Deploy it again, or use that version.',
  );
}
