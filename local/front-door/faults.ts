import { setTimeout as delay } from 'node:timers/promises';
import { callerName, INTERNAL_CALLER } from './call-log.ts';
import { runWithFailures } from './partial-failure.ts';
import { AwsError, type Call, type Input, type Output } from './service.ts';

/**
 * Faults: failures of the network and of AWS, produced on demand. The first rule that matches a call and was applied
 * fewer than `times` times is applied to it. Nothing is random, so a test knows which call fails.
 */
export interface FaultRule {
  /** Signing name, such as `sqs`. Absent: any service. */
  service?: string;
  action?: string | string[];
  /**
   * `owner`, a role's name, a session's name (an instance id), or `role/session`. Absent: any caller from outside.
   * `cloud`: calls from one service to another, such as Auto Scaling's RunInstances. No other rule matches such a call,
   * and it waits for its answer without a time-out.
   */
  caller?: string;
  /** Members that the input must have, with these values. */
  input?: Record<string, unknown>;
  /** An additional condition. */
  when?: (input: Input, call: Call) => boolean;
  /** To how many calls it is applied. Absent: to all, until the rule is removed. */
  times?: number;
  effect: FaultEffect;
}

/** `applied`: whether the call takes effect before the fault hides the answer. */
export type FaultEffect =
  | { kind: 'latency'; ms: number }
  /** No answer at all: the connection stays open until the caller gives up. */
  | { kind: 'timeout'; applied: boolean }
  /** The service's own throttling error. */
  | { kind: 'throttle' }
  | { kind: 'error'; code: string; message?: string; status: number; applied?: boolean }
  | { kind: 'reset'; applied: boolean }
  /**
   * Batch calls: the entries at these positions fail, the others take effect. Entries of SQS fail with `code` (default
   * `InternalError`); those of DynamoDB are returned as unprocessed, and if all fail the call is throttled.
   */
  | { kind: 'partial'; entries: number[]; code?: string };

export interface Fault {
  /** To how many calls it was applied so far. */
  readonly timesApplied: number;
  remove(): void;
}

export interface Faults {
  add(rule: FaultRule): Fault;
  clear(): void;
  /** The rules in force, for the admin path. */
  list(): { rule: FaultRule; timesApplied: number }[];
  /** Runs a call under the rule that matches it, if any. Calls `struck` with the fault's name first. */
  apply(
    input: Input,
    call: Call,
    run: (input: Input) => Promise<Output>,
    struck: (name: string) => void,
  ): Promise<Output>;
}

/** A call rejects with this when its caller is to get no answer. */
export class NoAnswerError extends Error {
  readonly kind: 'timeout' | 'reset';
  constructor(kind: 'timeout' | 'reset') {
    super(kind === 'reset' ? 'The connection was reset.' : 'The call got no answer.');
    this.kind = kind;
  }
}

export function createFaults(): Faults {
  const rules: { rule: FaultRule; timesApplied: number }[] = [];
  const remove = (entry: (typeof rules)[number]) => {
    const index = rules.indexOf(entry);
    if (index >= 0) rules.splice(index, 1);
  };
  return {
    add(rule) {
      const entry = { rule, timesApplied: 0 };
      rules.push(entry);
      return {
        get timesApplied() {
          return entry.timesApplied;
        },
        remove: () => remove(entry),
      };
    },
    clear: () => void rules.splice(0),
    list: () => [...rules],
    async apply(input, call, run, struck) {
      const entry = rules.find(
        ({ rule, timesApplied }) => timesApplied < (rule.times ?? Infinity) && matches(rule, input, call),
      );
      if (!entry) return run(input);
      entry.timesApplied += 1;
      struck(effectName(entry.rule.effect));
      return applyEffect(entry.rule.effect, input, call, run);
    },
  };
}

function matches(rule: FaultRule, input: Input, call: Call): boolean {
  if (call.caller.accessKeyId === INTERNAL_CALLER && rule.caller !== INTERNAL_CALLER) return false;
  if (rule.service !== undefined && rule.service !== call.service) return false;
  if (rule.action !== undefined && ![rule.action].flat().includes(call.action)) return false;
  if (rule.caller !== undefined) {
    const name = callerName(call.caller);
    if (rule.caller !== name && !name.split('/').includes(rule.caller)) return false;
  }
  if (!Object.entries(rule.input ?? {}).every(([key, value]) => input[key] === value)) return false;
  return rule.when?.(input, call) ?? true;
}

function effectName(effect: FaultEffect): string {
  const applied = 'applied' in effect && effect.applied;
  if (effect.kind === 'timeout') return applied ? 'timeout-after' : 'timeout-before';
  if (effect.kind === 'reset') return applied ? 'reset-after' : 'reset-before';
  return effect.kind;
}

async function applyEffect(
  effect: FaultEffect,
  input: Input,
  call: Call,
  run: (input: Input) => Promise<Output>,
): Promise<Output> {
  switch (effect.kind) {
    case 'latency':
      await delay(effect.ms, undefined, { signal: call.signal }).catch(() => {});
      return run(input);
    case 'timeout':
      if (effect.applied) await run(input);
      await untilAborted(call.signal);
      throw new NoAnswerError('timeout');
    case 'reset':
      if (effect.applied) await run(input);
      throw new NoAnswerError('reset');
    case 'throttle':
      throw throttled(call.service);
    case 'error':
      if (effect.applied) await run(input);
      throw new AwsError(effect.code, effect.message ?? `A fault was set: ${effect.code}.`, effect.status);
    case 'partial':
      return runWithFailures(effect, input, run);
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** The throttling error of each service, by its own error reference. */
function throttled(service: string): AwsError {
  switch (service) {
    case 'ec2':
      return new AwsError('RequestLimitExceeded', 'Request limit exceeded.', 503);
    case 's3':
      return new AwsError('SlowDown', 'Please reduce your request rate.', 503);
    case 'lambda':
      return new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);
    case 'sqs':
      return new AwsError('RequestThrottled', 'Request throttled.', 403);
    case 'dynamodb':
    case 'ssm':
    case 'secretsmanager':
    case 'scheduler':
      return new AwsError('ThrottlingException', 'Rate exceeded');
    default:
      return new AwsError('Throttling', 'Rate exceeded');
  }
}
