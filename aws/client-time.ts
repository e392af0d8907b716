import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Clock } from './clock.ts';

/** What all of the SDK's clients have in common here. */
export interface TimedClient {
  readonly config: Pick<SQSClient['config'], 'credentials' | 'requestHandler' | 'systemClockOffset'>;
}

/** Lets a client work on a machine whose clock is wrong, and tells the clock AWS's time. */
export function keepTime({ config }: TimedClient, clock: Clock): void {
  learnFromAnswers(config, clock);
  signByClock(config, clock);
  const provide = config.credentials;
  config.credentials = async (options) => {
    const credentials = await provide({ ...options, forceRefresh: true });
    const { expiration } = credentials;
    return expiration ? { ...credentials, expiration: notLate(expiration, clock) } : credentials;
  };
}

/** By itself the SDK corrects the time that it signs with, but each client only after its first answer: a refusal. */
function signByClock(config: TimedClient['config'], clock: Clock): void {
  let learnedBySdkMs = config.systemClockOffset;
  Object.defineProperty(config, 'systemClockOffset', {
    get: () => (clock.errorMs() === undefined ? learnedBySdkMs : clock.now() - clock.machineNow()),
    set: (ms: number) => {
      learnedBySdkMs = ms;
    },
  });
}

/** From each answer, refusals too. */
function learnFromAnswers({ requestHandler }: TimedClient['config'], clock: Clock): void {
  const handle = requestHandler.handle.bind(requestHandler);
  requestHandler.handle = async (...request) => {
    const startMs = clock.monotonic();
    const isKnown = clock.errorMs() !== undefined;
    const answer = await handle(...request);
    const { headers } = answer.response;
    // One that comes out of a cache says when it was put there.
    if (headers['age'] === undefined) clock.learn?.(headers['date'], startMs);
    // On a machine whose clock is wrong the SDK takes every refusal that has a date for one of its clock, and tries again.
    if (isKnown) delete headers['date'];
    return answer;
  };
}

/**
 * When credentials end by the machine's clock, by which the SDK renews them: on one that is slow they would have ended
 * before. Where it is fast, they are renewed too early, which does no harm, and as they come: the SDK's provider for
 * instances has prolonged them.
 */
function notLate(expiration: Date, clock: Clock): Date {
  const slowMs = Math.max(0, clock.now() - clock.machineNow());
  return new Date(expiration.getTime() - slowMs);
}
