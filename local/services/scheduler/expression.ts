import { AwsError } from '../../front-door/service.ts';

const UNIT_MS: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** When a schedule runs: at an interval, or once. */
export type When = { everyMs: number } | { atMs: number };

/**
 * Reads `rate(5 minutes)` and `at(2026-01-01T00:00:00)` ("Schedule types in EventBridge Scheduler").
 *
 * @throws `ValidationException`, also for `cron(...)`, which is not implemented here.
 */
export function readExpression(expression: string): When {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (rate) {
    const everyMs = Number(rate[1]) * (UNIT_MS[rate[2] ?? ''] ?? 0);
    if (everyMs > 0) return { everyMs };
  }
  const at = /^at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)$/.exec(expression);
  if (at) return { atMs: Date.parse(`${at[1]}Z`) };
  if (expression.startsWith('cron(')) {
    throw new AwsError(
      'ValidationException',
      `Schedule expression ${expression}: cron is not implemented here.`,
    );
  }
  throw new AwsError('ValidationException', `Invalid Schedule Expression ${expression}.`);
}
