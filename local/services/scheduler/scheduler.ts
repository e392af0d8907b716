import type { Cancel } from '../../clock.ts';
import { optionalDate, optionalStructure, optionalText, text } from '../../front-door/read.ts';
import {
  AwsError,
  type CloudContext,
  type Input,
  type Operation,
  type Route,
  type RunningService,
} from '../../front-door/service.ts';
import type { Lambda } from '../lambda/lambda.ts';
import { readExpression } from './expression.ts';

interface Schedule {
  name: string;
  groupName: string;
  arn: string;
  /** As given; GetSchedule returns it. */
  settings: Input;
  createdAt: Date;
  modifiedAt: Date;
  cancel: Cancel;
}

const PATH = '/schedules/{Name}';
const ROUTES: Route[] = [
  { method: 'POST', path: PATH, action: 'CreateSchedule' },
  { method: 'PUT', path: PATH, action: 'UpdateSchedule' },
  { method: 'GET', path: PATH, action: 'GetSchedule' },
  { method: 'DELETE', path: PATH, action: 'DeleteSchedule' },
  { method: 'GET', path: '/schedules', action: 'ListSchedules' },
];

/**
 * EventBridge Scheduler with Lambda functions as targets. The cloud's clock may be faster than AWS's, but functions
 * run in real time. So a schedule waits for its previous run, where AWS would start the next one beside it. Otherwise
 * the runs of a function that takes longer than the shortened period would accumulate without bound.
 */
export function createScheduler(context: CloudContext, lambda: Pick<Lambda, 'idle'>): RunningService {
  const schedules = new Map<string, Schedule>();
  const scheduleKey = (input: Input) => `${readGroupName(input)}/${text(input, 'Name')}`;
  const get = (input: Input) => {
    const found = schedules.get(scheduleKey(input));
    if (found) return found;
    throw new AwsError('ResourceNotFoundException', `Schedule ${text(input, 'Name')} does not exist.`, 404);
  };
  const scope = {
    resources: (input: Input) => [scheduleArn(context, readGroupName(input), String(input['Name']))],
  };
  const operations: Record<string, Operation> = {
    CreateSchedule: {
      ...scope,
      run: (input) => {
        const key = scheduleKey(input);
        if (schedules.has(key)) {
          throw new AwsError('ConflictException', `Schedule ${text(input, 'Name')} already exists.`, 409);
        }
        const made = startSchedule(context, lambda, input);
        schedules.set(key, made);
        return { ScheduleArn: made.arn };
      },
    },
    UpdateSchedule: {
      ...scope,
      run: (input) => {
        const before = get(input);
        const { createdAt } = before;
        const after = startSchedule(context, lambda, input);
        before.cancel();
        schedules.set(scheduleKey(input), { ...after, createdAt });
        return { ScheduleArn: after.arn };
      },
    },
    GetSchedule: { ...scope, run: (input) => describeSchedule(get(input)) },
    DeleteSchedule: {
      ...scope,
      run: (input) => {
        get(input).cancel();
        schedules.delete(scheduleKey(input));
        return {};
      },
    },
    ListSchedules: {
      run: () => ({
        Schedules: [...schedules.values()].map(({ arn, name, groupName, settings }) => ({
          Arn: arn,
          Name: name,
          GroupName: groupName,
          State: optionalText(settings, 'State') ?? 'ENABLED',
        })),
      }),
    },
  };
  return {
    service: { name: 'scheduler', routes: ROUTES, operations },
    close: async () => {
      for (const { cancel } of schedules.values()) cancel();
    },
  };
}

/** If the path names the schedule, this parameter is in the query. */
function readGroupName(input: Input): string {
  return optionalText(input, 'GroupName') ?? optionalText(input, 'groupName') ?? 'default';
}

function scheduleArn({ region, accountId }: CloudContext, group: string, name: string): string {
  return `arn:aws:scheduler:${region}:${accountId}:schedule/${group}/${name}`;
}

function startSchedule(context: CloudContext, lambda: Pick<Lambda, 'idle'>, input: Input): Schedule {
  const { clock } = context;
  const when = readExpression(text(input, 'ScheduleExpression'));
  const target = readScheduleTarget(input);
  const enabled = (optionalText(input, 'State') ?? 'ENABLED') === 'ENABLED';
  const run = async () => {
    await runTarget(context, input, target);
    await lambda.idle(target.arn);
  };
  const start = () =>
    'everyMs' in when
      ? clock.every(when.everyMs, run)
      : clock.after(Math.max(0, when.atMs - clock.now()) * clock.speed, () => void run());
  const now = new Date(clock.now());
  return {
    name: text(input, 'Name'),
    groupName: readGroupName(input),
    arn: scheduleArn(context, readGroupName(input), text(input, 'Name')),
    settings: input,
    createdAt: now,
    modifiedAt: now,
    cancel: enabled ? start() : () => {},
  };
}

interface ScheduleTarget {
  arn: string;
  roleArn: string;
  payload: string;
}

function readScheduleTarget(input: Input): ScheduleTarget {
  const target = optionalStructure(input, 'Target') ?? {};
  const arn = text(target, 'Arn');
  const roleArn = text(target, 'RoleArn');
  const window = optionalText(optionalStructure(input, 'FlexibleTimeWindow') ?? {}, 'Mode');
  if (window !== 'OFF') {
    throw new AwsError('ValidationException', 'Only FlexibleTimeWindow with Mode OFF is implemented here.');
  }
  if (arn.split(':')[2] !== 'lambda') {
    throw new AwsError('ValidationException', `Target ${arn}: only Lambda functions are implemented here.`);
  }
  return { arn, roleArn, payload: optionalText(target, 'Input') ?? '{}' };
}

/**
 * Invokes with the schedule's own role. A failed invocation does not stop the schedule, which outlives its target; the
 * failed call is in the log.
 */
async function runTarget(context: CloudContext, input: Input, target: ScheduleTarget): Promise<void> {
  const now = context.clock.now();
  const [from, to] = [optionalDate(input, 'StartDate'), optionalDate(input, 'EndDate')];
  if ((from && now < from.getTime()) || (to && now > to.getTime())) return;
  const event = { FunctionName: target.arn, InvocationType: 'Event', Payload: Buffer.from(target.payload) };
  try {
    await context.callAs(target.roleArn, text(input, 'Name'))('lambda', 'Invoke', event);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
  }
}

function describeSchedule({ name, groupName, arn, settings, createdAt, modifiedAt }: Schedule) {
  const { groupName: _group, ClientToken: _token, ...shown } = settings;
  return {
    ...shown,
    State: optionalText(settings, 'State') ?? 'ENABLED',
    Arn: arn,
    Name: name,
    GroupName: groupName,
    CreationDate: createdAt,
    LastModificationDate: modifiedAt,
  };
}
