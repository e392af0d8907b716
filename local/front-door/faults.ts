import { setTimeout as delay } from 'node:timers/promises';
import { callerName, INSIDE } from './call-log.ts';
import { runPartly } from './partly.ts';
import { AwsError, type Call, type Input, type Output } from './service.ts';

/**
 * Faults: what the network and AWS do to calls now and then, played on demand. The first rule that matches a call
 * and has not struck `times` yet strikes it; nothing is left to chance, so a test can rely on which call it hits.
 */
export interface FaultRule {
  /** Signing name, `sqs`. Absent: any service. */
  service?: string;
  action?: string | string[];
  /**
   * `owner`, a role's name, a session's name (an instance id), or `role/session`. Absent: anyone from outside. `cloud`:
   * what one service asks of another, as Auto Scaling has EC2 launch instances; such a call is struck by no other rule,
   * and waits for its answer for ever.
   */
  caller?: string;
  /** Members that the input must have, with these values. */
  input?: Record<string, unknown>;
  /** Any other condition. */
  when?: (input: Input, call: Call) => boolean;
  /** How many calls it strikes. Absent: all, until it is removed. */
  times?: number;
  effect: FaultEffect;
}

/** `applied` says whether the call takes effect before the fault hides the answer. */
export type FaultEffect =
  | { kind: 'latency'; ms: number }
  /** No answer at all: the connection stays open until the caller gives up. */
  | { kind: 'timeout'; applied: boolean }
  /** The service's own way of saying 429. */
  | { kind: 'throttle' }
  | { kind: 'error'; code: string; message?: string; status: number; applied?: boolean }
  | { kind: 'reset'; applied: boolean }
  /**
   * Batch calls: these entries, by position, fail, the others take effect. SQS's fail with `code` (default
   * `InternalError`); DynamoDB's are named as unprocessed, and if none is left the call is throttled.
   */
  | { kind: 'partial'; entries: number[]; code?: string };

export interface Fault {
  /** Calls that it struck so far. */
  readonly strikes: number;
  remove(): void;
}

export interface Faults {
  add(rule: FaultRule): Fault;
  clear(): void;
  /** The rules in force, for the admin path. */
  list(): { rule: FaultRule; strikes: number }[];
  /** Runs a call under whichever rule strikes it. `struck` is told the fault's name first. */
  play(
    input: Input,
    call: Call,
    run: (input: Input) => Promise<Output>,
    struck: (name: string) => void,
  ): Promise<Output>;
}

/** What a call rejects with when its caller is to get no answer. */
export class NoAnswer extends Error {
  readonly kind: 'timeout' | 'reset';
  constructor(kind: 'timeout' | 'reset') {
    super(kind === 'reset' ? 'The connection was reset.' : 'The call got no answer.');
    this.kind = kind;
  }
}

export function createFaults(): Faults {
  const rules: { rule: FaultRule; strikes: number }[] = [];
  const remove = (entry: (typeof rules)[number]) => {
    const index = rules.indexOf(entry);
    if (index >= 0) rules.splice(index, 1);
  };
  return {
    add(rule) {
      const entry = { rule, strikes: 0 };
      rules.push(entry);
      return {
        get strikes() {
          return entry.strikes;
        },
        remove: () => remove(entry),
      };
    },
    clear: () => void rules.splice(0),
    list: () => [...rules],
    async play(input, call, run, struck) {
      const entry = rules.find(
        ({ rule, strikes }) => strikes < (rule.times ?? Infinity) && matches(rule, input, call),
      );
      if (!entry) return run(input);
      entry.strikes += 1;
      struck(nameOf(entry.rule.effect));
      return strike(entry.rule.effect, input, call, run);
    },
  };
}

function matches(rule: FaultRule, input: Input, call: Call): boolean {
  if (call.caller.accessKeyId === INSIDE && rule.caller !== INSIDE) return false;
  if (rule.service !== undefined && rule.service !== call.service) return false;
  if (rule.action !== undefined && ![rule.action].flat().includes(call.action)) return false;
  if (rule.caller !== undefined) {
    const name = callerName(call.caller);
    if (rule.caller !== name && !name.split('/').includes(rule.caller)) return false;
  }
  if (!Object.entries(rule.input ?? {}).every(([key, value]) => input[key] === value)) return false;
  return rule.when?.(input, call) ?? true;
}

function nameOf(effect: FaultEffect): string {
  const applied = 'applied' in effect && effect.applied;
  if (effect.kind === 'timeout') return applied ? 'timeout-after' : 'timeout-before';
  if (effect.kind === 'reset') return applied ? 'reset-after' : 'reset-before';
  return effect.kind;
}

async function strike(
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
      throw new NoAnswer('timeout');
    case 'reset':
      if (effect.applied) await run(input);
      throw new NoAnswer('reset');
    case 'throttle':
      throw throttled(call.service);
    case 'error':
      if (effect.applied) await run(input);
      throw new AwsError(effect.code, effect.message ?? `A fault was set: ${effect.code}.`, effect.status);
    case 'partial':
      return runPartly(effect, input, run);
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/** How each service says "slow down", by its own error reference. */
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
    case 'scheduler':
      return new AwsError('ThrottlingException', 'Rate exceeded');
    default:
      return new AwsError('Throttling', 'Rate exceeded');
  }
}
