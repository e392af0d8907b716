import {
  SetInstanceHealthCommand,
  TerminateInstanceInAutoScalingGroupCommand,
} from '@aws-sdk/client-auto-scaling';
import { toError } from '../../lib/error-message.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import {
  type Answer,
  classifyAnswer,
  decideNext,
  type Escalation,
  type EscalationStep,
} from '../../policy/escalation.ts';
import type { InstanceContext } from './instance-context.ts';

export const CALL_MS = 15_000;
const SHORTEST_CALL_MS = 1000;

export interface EscalationResult {
  /** `power-off`: no earlier step was accepted. `stay`: the group is at its minimum and a healthy agent works on. */
  kind: 'accepted' | 'stay' | 'power-off';
  rung: EscalationStep;
  /** Calls made, all steps together. */
  tries: number;
  lastError?: string;
}

export interface EscalationOptions {
  firstStep: EscalationStep;
  /** Whether the instance may go back to work when the group is at its minimum. */
  mayStay: boolean;
  /**
   * Whether Auto Scaling is terminating the instance. Then a call was accepted whose answer was lost, and the answer to the
   * next call (in progress, at the minimum) does not count.
   */
  isEnding: () => boolean;
}

/** Escalates until AWS accepts a call. Stops before the last step, power-off, which is left to the caller. */
export async function escalate(
  self: InstanceContext,
  { firstStep, mayStay, isEnding }: EscalationOptions,
  signal: AbortSignal,
): Promise<EscalationResult> {
  const { clock, log, random } = self;
  const rules = { mayStay, budgetMs: self.config.retirement.ladderSeconds * 1000 };
  const started = clock.monotonic();
  let escalation: Escalation = { step: self.identity.metadata ? firstStep : 'power-off', failures: 0 };
  let tries = 0;
  let lastError: string | undefined;
  const result = (kind: EscalationResult['kind']): EscalationResult => {
    return { kind, rung: escalation.step, tries, ...(lastError !== undefined && { lastError }) };
  };
  while (escalation.step !== 'power-off') {
    tries++;
    self.supervisor.recordAttempt();
    const leftMs = Math.max(SHORTEST_CALL_MS, rules.budgetMs - (clock.monotonic() - started));
    const { answer, error } = await ask(self, escalation.step, Math.min(CALL_MS, leftMs));
    if (error) {
      lastError = `${error.name}: ${error.message}`;
      log.warn(
        { rung: escalation.step, answer, tries, err: error },
        'AWS did not accept the end of this instance',
      );
    }
    const step = decideNext(
      escalation,
      isEnding() ? 'accepted' : answer,
      clock.monotonic() - started,
      rules,
      random(),
    );
    if (step.kind === 'done') return result('accepted');
    if (step.kind === 'stay') return result('stay');
    await clock.sleep(step.afterMs, signal);
    escalation = step.escalation;
  }
  return result('power-off');
}

async function ask(
  self: InstanceContext,
  rung: EscalationStep,
  ms: number,
): Promise<{ answer: Answer; error?: Error }> {
  try {
    await withTimeout(self.clock, ms, (abortSignal) => call(self, rung, abortSignal));
    return { answer: 'accepted' };
  } catch (thrown) {
    const error = toError(thrown);
    return { answer: classifyAnswer(error), error };
  }
}

function call(
  { clients, identity }: InstanceContext,
  rung: EscalationStep,
  abortSignal: AbortSignal,
): Promise<unknown> {
  const InstanceId = identity.instanceId;
  if (rung === 'unhealthy') {
    const health = { InstanceId, HealthStatus: 'Unhealthy', ShouldRespectGracePeriod: false };
    return clients.autoScaling.send(new SetInstanceHealthCommand(health), { abortSignal });
  }
  const terminate = { InstanceId, ShouldDecrementDesiredCapacity: rung === 'terminate' };
  return clients.autoScaling.send(new TerminateInstanceInAutoScalingGroupCommand(terminate), { abortSignal });
}
