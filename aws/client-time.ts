import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Clock } from './clock.ts';

/** The part of a client of the SDK that is needed here. */
export interface TimedClient {
  readonly config: Pick<SQSClient['config'], 'credentials' | 'requestHandler' | 'systemClockOffset'>;
}

/** Makes a client work on a machine whose clock is wrong. The clock learns AWS's time from the client's responses. */
export function synchronizeTime({ config }: TimedClient, clock: Clock): void {
  learnFromAnswers(config, clock);
  signByClock(config, clock);
  const provide = config.credentials;
  config.credentials = async (options) => {
    const credentials = await provide({ ...options, forceRefresh: true });
    const { expiration } = credentials;
    return expiration ? { ...credentials, expiration: correctExpiration(expiration, clock) } : credentials;
  };
}

/** The SDK corrects the signing time of each client by itself, but only after that client's first refused call. */
function signByClock(config: TimedClient['config'], clock: Clock): void {
  let learnedBySdkMs = config.systemClockOffset;
  Object.defineProperty(config, 'systemClockOffset', {
    get: () => (clock.errorMs() === undefined ? learnedBySdkMs : clock.now() - clock.machineNow()),
    set: (ms: number) => {
      learnedBySdkMs = ms;
    },
  });
}

/** From every response, including errors. */
function learnFromAnswers({ requestHandler }: TimedClient['config'], clock: Clock): void {
  const handle = requestHandler.handle.bind(requestHandler);
  requestHandler.handle = async (...request) => {
    const startMs = clock.monotonic();
    const isKnown = clock.errorMs() !== undefined;
    const answer = await handle(...request);
    const { headers } = answer.response;
    // A response from a cache has the date of when it was cached.
    if (headers['age'] === undefined) clock.learn?.(headers['date'], startMs);
    // If the machine's clock is wrong, the SDK takes every error response with a date for clock skew and retries the call.
    if (isKnown) delete headers['date'];
    return answer;
  };
}

/**
 * The expiration of credentials by the machine's clock, which the SDK uses to renew them. If the clock is slow, the SDK
 * would renew them after they have expired. If it is fast, they are renewed too early, which does no harm. The SDK's
 * provider for instances has already extended them in that case.
 */
function correctExpiration(expiration: Date, clock: Clock): Date {
  const slowMs = Math.max(0, clock.now() - clock.machineNow());
  return new Date(expiration.getTime() - slowMs);
}
