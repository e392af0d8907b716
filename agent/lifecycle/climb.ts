import {
  SetInstanceHealthCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { withTimeout } from '../../lib/with-timeout.ts';
import { type Answer, answerOf, type Climb, next, type Rung } from '../../policy/ladder.ts';
import type { Self } from './self.ts';

export const CALL_MS = 15_000;
const SHORTEST_CALL_MS = 1000;

export interface Climbed {
  /** `power-off`: no rung above it would do; `stay`: the group is at its minimum and a healthy agent works on. */
  kind: 'accepted' | 'stay' | 'power-off';
  rung: Rung;
  /** Calls made, all rungs together. */
  tries: number;
  lastError?: string;
}

export interface ClimbOptions {
  first: Rung;
  /** May the instance go back to work when the group is at its minimum? */
  mayStay: boolean;
  /**
   * Whether Auto Scaling is ending the instance already: then a call was accepted whose answer got lost, and what it
   * says to the next one (in progress, at the minimum) is of no account.
   */
  isEnding: () => boolean;
}

/** Goes down the ladder until AWS accepts, or to its last rung, which the caller takes. */
export async function climb(
  self: Self,
  { first, mayStay, isEnding }: ClimbOptions,
  signal: AbortSignal,
): Promise<Climbed> {
  const { clock, log, random } = self;
  const rules = { mayStay, budgetMs: self.config.retirement.ladderSeconds * 1000 };
  const started = clock.monotonic();
  let at: Climb = { rung: self.identity.metadata ? first : 'power-off', failures: 0 };
  let tries = 0;
  let lastError: string | undefined;
  const result = (kind: Climbed['kind']): Climbed => {
    return { kind, rung: at.rung, tries, ...(lastError !== undefined && { lastError }) };
  };
  while (at.rung !== 'power-off') {
    tries++;
    self.supervisor.tried();
    const leftMs = Math.max(SHORTEST_CALL_MS, rules.budgetMs - (clock.monotonic() - started));
    const { answer, error } = await ask(self, at.rung, Math.min(CALL_MS, leftMs));
    if (error) {
      lastError = `${error.name}: ${error.message}`;
      log.warn({ rung: at.rung, answer, tries, err: error }, 'not let go');
    }
    const step = next(at, isEnding() ? 'accepted' : answer, clock.monotonic() - started, rules, random());
    if (step.kind === 'done') return result('accepted');
    if (step.kind === 'stay') return result('stay');
    await clock.sleep(step.afterMs, signal);
    at = step.climb;
  }
  return result('power-off');
}

async function ask(self: Self, rung: Rung, ms: number): Promise<{ answer: Answer; error?: Error }> {
  try {
    await withTimeout(self.clock, ms, (abortSignal) => call(self, rung, abortSignal));
    return { answer: 'accepted' };
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    return { answer: answerOf(error), error };
  }
}

function call({ clients, identity }: Self, rung: Rung, abortSignal: AbortSignal): Promise<unknown> {
  const InstanceId = identity.instanceId;
  if (rung === 'unhealthy') {
    const health = { InstanceId, HealthStatus: 'Unhealthy', ShouldRespectGracePeriod: false };
    return clients.autoScaling.send(new SetInstanceHealthCommand(health), { abortSignal });
  }
  const terminate = { InstanceId, ShouldDecrementDesiredCapacity: rung === 'terminate' };
  return clients.autoScaling.send(new TerminateInstanceInAutoScalingGroupCommand(terminate), { abortSignal });
}
