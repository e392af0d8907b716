import { findGroupProblem, findLabelProblem, isJobId } from '../../jobs/envelope.ts';
import { SQS_MAX_DELAY_SECONDS } from '../../lib/limits.ts';
import { parseSerial } from '../../policy/groups/batches.ts';
import { conflictIn, parseMaxFail } from '../../policy/groups/failures.ts';
import { isFull } from '../../policy/groups/requests.ts';
import { findRequest, MOST_BATCH_SIZES, MOST_OPEN_REQUESTS } from '../../policy/groups/state.ts';
import { MAX_BODY_BYTES } from '../../store/body-store.ts';
import { asOption } from '../as-option.ts';
import type { FleetContext } from '../context.ts';
import { checkTimes } from '../enqueue/prepare.ts';
import { BadBodyError, GroupFullError, WrongOptionError } from '../errors.ts';
import { createGroups } from '../groups/create.ts';
import type { RequestOptions, TargetGroup } from './types.ts';

/** Groups that a request has at most: its item has them all. */
const MOST_GROUPS = 500;
/** Of tries, of jobs at a time, of batches. */
const MOST_COUNTED = 1_000_000;

/**
 * Checks a request before anything of it is stored. Throws `WrongOptionError`, `BadBodyError` or `GroupFullError`, which name the
 * option, the group or the target.
 */
export async function checkRequest(
  context: FleetContext,
  id: string,
  groups: readonly TargetGroup[],
  options: RequestOptions,
): Promise<void> {
  checkNames(id, options);
  checkOptions(context, options);
  checkGroups(groups);
  await checkRoom(context, id, groups);
}

function checkNames(id: string, { label }: RequestOptions): void {
  if (!isJobId(id)) {
    throw new WrongOptionError(
      `The request's id is ${JSON.stringify(id)}. An id begins with a letter and goes on with letters, digits and . _ : -, 128 in all at most.`,
    );
  }
  const problem = findLabelProblem(label);
  if (problem !== undefined) throw new WrongOptionError(`The request was not made: ${problem}.`);
}

function checkOptions({ facts }: FleetContext, options: RequestOptions): void {
  const { limitSeconds, maxAttempts, serial = [], throttle, maxFail } = options;
  const { pauseAfter, settleSeconds, checkSeconds, healthy, onFailure } = options;
  checkTimes(facts, { ...(limitSeconds !== undefined && { limitSeconds }) });
  asOption(() => parseSerial(serial));
  if (serial.length > MOST_BATCH_SIZES) {
    throw new WrongOptionError(
      `\`serial\` has ${serial.length} sizes; allowed are ${MOST_BATCH_SIZES} at most, of which the last one repeats.`,
    );
  }
  if (maxFail !== undefined) asOption(() => parseMaxFail(maxFail));
  refuse(findCountProblem(throttle), 'throttle');
  refuse(findCountProblem(pauseAfter), 'pauseAfter');
  refuse(findCountProblem(maxAttempts), 'maxAttempts');
  const conflict = conflictIn(options);
  if (conflict)
    throw new WrongOptionError(`\`${conflict.join('` and `')}\` exclude each other: give one of them.`);
  checkCommand(facts, 'healthy', healthy);
  checkCommand(facts, 'onFailure', onFailure);
  if (healthy === undefined && (settleSeconds !== undefined || checkSeconds !== undefined)) {
    throw new WrongOptionError('`settleSeconds` and `checkSeconds` need `healthy`, which names the check.');
  }
  if (settleSeconds !== undefined && !isWhole(settleSeconds, 0, SQS_MAX_DELAY_SECONDS)) {
    throw new WrongOptionError(
      `\`settleSeconds\` is ${settleSeconds}; allowed are whole seconds from 0 to ${SQS_MAX_DELAY_SECONDS}.`,
    );
  }
  const longest = facts.groups?.checkLimitSeconds ?? facts.maxLimitSeconds ?? facts.limitSeconds;
  if (checkSeconds !== undefined && !(checkSeconds >= 1 && checkSeconds <= longest)) {
    throw new WrongOptionError(
      `\`checkSeconds\` is ${checkSeconds}; fleet ${facts.fleet} allows 1 to ${longest} s for a check (its prop groups.checkLimit).`,
    );
  }
}

function refuse(problem: string | undefined, option: string): void {
  if (problem !== undefined) throw new WrongOptionError(`\`${option}\` ${problem}.`);
}

const isWhole = (value: number, least: number, most: number) =>
  Number.isInteger(value) && value >= least && value <= most;

function findCountProblem(value: number | undefined): string | undefined {
  if (value === undefined || isWhole(value, 1, MOST_COUNTED)) return undefined;
  return `is ${value}; allowed is a whole number from 1 to ${MOST_COUNTED}`;
}

function checkCommand(
  { fleet, commands = [] }: FleetContext['facts'],
  option: 'healthy' | 'onFailure',
  name: string | undefined,
): void {
  if (name === undefined || commands.includes(name)) return;
  const known = commands.length === 0 ? 'it has none' : `it has ${commands.join(', ')}`;
  throw new WrongOptionError(
    `\`${option}\` is ${JSON.stringify(name)}. Fleet ${fleet} has no such command in its prop commands: ${known}.`,
  );
}

function checkGroups(groups: readonly TargetGroup[]): void {
  if (groups.every(({ targets }) => targets.length === 0)) {
    throw new WrongOptionError('The request has no targets. Nothing was stored.');
  }
  if (groups.length > MOST_GROUPS) {
    throw new WrongOptionError(
      `The request has ${groups.length} groups; ${MOST_GROUPS} at most are allowed. Make several requests, or group by another variable.`,
    );
  }
  const names = new Set<string>();
  const targets = new Set<string>();
  for (const group of groups) {
    if (names.has(group.name)) throw new WrongOptionError(`The group ${group.name} is in the request twice.`);
    names.add(group.name);
    checkGroup(group, targets);
  }
}

function checkGroup({ name, size, targets }: TargetGroup, seen: Set<string>): void {
  if (targets.length === 0) throw new WrongOptionError(`The group ${name} of the request has no targets.`);
  if (!isWhole(size, targets.length, Number.MAX_SAFE_INTEGER)) {
    throw new WrongOptionError(
      `The size of group ${name} is ${size}; allowed is a whole number from ${targets.length}, the number of its targets in the request.`,
    );
  }
  for (const { target, body } of targets) {
    const problem = findGroupProblem({ group: name, target });
    if (problem !== undefined) throw new WrongOptionError(`The request was not made: ${problem}.`);
    if (seen.has(target)) throw new WrongOptionError(`The target ${target} is in the request twice.`);
    seen.add(target);
    if (!body.isWellFormed()) throw new BadBodyError(`The body for target ${target} is not valid Unicode.`);
    if (body.length > MAX_BODY_BYTES / 4 && Buffer.byteLength(body) > MAX_BODY_BYTES) {
      throw new BadBodyError(`The body for target ${target} is longer than 64 MiB.`);
    }
  }
}

async function checkRoom(context: FleetContext, id: string, groups: readonly TargetGroup[]): Promise<void> {
  const states = await createGroups(context).items.readMany(groups.map(({ name }) => name));
  const full = states.find((group) => isFull(group) && !findRequest(group, id));
  if (!full) return;
  throw new GroupFullError(
    `The group ${full.name} has ${MOST_OPEN_REQUESTS} open requests, the most that a group takes. Wait until one has ended, or cancel one.`,
  );
}
