import type { Cancel } from '../../clock.ts';
import type { CloudContext, RunningService } from '../../front-door/service.ts';
import type { QueueActivity } from '../sqs/activity.ts';
import { Alarms, type AlarmTargets } from './alarms.ts';
import { collect } from './collect.ts';
import { Metrics, singleValue } from './metrics.ts';
import { alarmOperations, type MonitoringParts, metricOperations } from './operations.ts';

const MINUTE_MS = 60_000;

/** Alarms are evaluated half a minute of the cloud's time after the metrics are collected. */
const EVALUATION_MS = 30_000;

/**
 * CloudWatch: metrics and their alarms. Once a minute of the cloud's time the services report their metrics, and half a
 * minute later alarms are evaluated. AWS is as fast at best; there each of the two may take a minute more.
 */
export function createMonitoring(
  context: CloudContext,
  targets: AlarmTargets,
  queueActivity: QueueActivity,
): RunningService {
  const metrics = new Metrics();
  const alarms = new Alarms(context, metrics, targets);
  let minute = 0;
  const parts: MonitoringParts = { context, metrics, alarms, minute: () => minute };
  const look = async () => {
    minute += 1;
    const at = context.clock.now();
    await collect(context, queueActivity, (metric, value) =>
      metrics.put(metric, { ...singleValue(value), at, minute }),
    );
    const ofThis = minute;
    cancelEvaluation = context.clock.after(EVALUATION_MS, () => alarms.evaluateAll(ofThis));
  };
  let cancelEvaluation: Cancel = () => {};
  let looking = Promise.resolve();
  const stop = context.clock.every(MINUTE_MS, () => {
    looking = look();
    return looking;
  });
  return {
    service: {
      name: 'monitoring',
      iamPrefix: 'cloudwatch',
      xmlNamespace: 'http://monitoring.amazonaws.com/doc/2010-08-01/',
      operations: { ...alarmOperations(parts), ...metricOperations(parts) },
    },
    close: () => {
      stop();
      cancelEvaluation();
      return looking;
    },
  };
}
