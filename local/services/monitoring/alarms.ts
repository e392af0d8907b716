import { AwsError, type CloudContext } from '../../front-door/service.ts';
import type { BreachedAlarm } from '../autoscaling/autoscaling.ts';
import type { Alarm } from './alarm.ts';
import { type AlarmState, breaches, evaluateAlarm, evaluationRange } from './evaluate.ts';
import { aggregate, type Metrics } from './metrics.ts';

/** An event of an alarm, as DescribeAlarmHistory shows it. */
export interface HistoryItem {
  AlarmName: string;
  AlarmType: 'MetricAlarm';
  Timestamp: Date;
  HistoryItemType: 'ConfigurationUpdate' | 'StateUpdate' | 'Action';
  HistorySummary: string;
  HistoryData: string;
}

const KEPT_HISTORY = 10_000;

/** The alarm actions that are implemented here. Others, such as SNS topics, are only recorded in the history. */
export interface AlarmTargets {
  scalingPolicy(arn: string, alarm: BreachedAlarm): void;
}

/** All alarms. They are evaluated once a minute of the cloud and execute their actions when their state changes. */
export class Alarms {
  readonly #context: CloudContext;
  readonly #metrics: Metrics;
  readonly #targets: AlarmTargets;
  readonly #alarms = new Map<string, Alarm>();
  readonly #history: HistoryItem[] = [];

  constructor(context: CloudContext, metrics: Metrics, targets: AlarmTargets) {
    this.#context = context;
    this.#metrics = metrics;
    this.#targets = targets;
  }

  all(): Alarm[] {
    return [...this.#alarms.values()];
  }

  find(name: string): Alarm | undefined {
    return this.#alarms.get(name);
  }

  /** @throws `ResourceNotFound` */
  get(name: string): Alarm {
    const alarm = this.#alarms.get(name);
    if (alarm) return alarm;
    throw new AwsError('ResourceNotFound', `Alarm ${name} does not exist`, 404);
  }

  put(alarm: Alarm): void {
    const what = this.#alarms.has(alarm.name) ? 'updated' : 'created';
    this.#alarms.set(alarm.name, alarm);
    this.#note(alarm, 'ConfigurationUpdate', `Alarm "${alarm.name}" ${what}`);
  }

  delete(name: string): void {
    const alarm = this.get(name);
    this.#alarms.delete(name);
    this.#note(alarm, 'ConfigurationUpdate', `Alarm "${name}" deleted`);
  }

  /** Newest first. */
  history(name: string | undefined): HistoryItem[] {
    return this.#history.filter((item) => name === undefined || item.AlarmName === name).toReversed();
  }

  /** Evaluates every alarm, at the end of the given minute of the cloud. */
  evaluateAll(minute: number): void {
    for (const alarm of this.all()) {
      const values = this.#values(alarm, minute);
      const state = evaluateAlarm(alarm.rule, values, alarm.state);
      const real = values.filter((value) => value !== undefined).slice(0, alarm.rule.evaluationPeriods);
      const changed = state !== alarm.state;
      if (changed) this.#change(alarm, state, reasonFor(alarm, state, real), real);
      this.#act(alarm, real, changed);
    }
  }

  /** SetAlarmState: the state stays until the next evaluation. */
  set(alarm: Alarm, state: AlarmState, reason: string, reasonData: string | undefined, minute: number): void {
    const changed = state !== alarm.state;
    const values = this.#values(alarm, minute).filter((value) => value !== undefined);
    if (changed) this.#change(alarm, state, reason, values);
    alarm.stateReasonData = reasonData ?? alarm.stateReasonData;
    if (changed) this.#act(alarm, values, true);
  }

  /** One value per period, newest first. */
  #values(alarm: Alarm, minute: number): (number | undefined)[] {
    const points = this.#metrics.points(alarm.metric);
    const { periodMinutes } = alarm;
    return Array.from({ length: evaluationRange(alarm.rule) }, (_, age) => {
      const last = minute - age * periodMinutes;
      const within = points.filter((point) => point.minute > last - periodMinutes && point.minute <= last);
      return aggregate(within, alarm.statistic);
    });
  }

  #change(alarm: Alarm, state: AlarmState, reason: string, recentDatapoints: number[]): void {
    const summary = `Alarm updated from ${alarm.state} to ${state}`;
    const { threshold } = alarm.rule;
    alarm.state = state;
    alarm.stateReason = reason;
    alarm.stateReasonData = JSON.stringify({ version: '1.0', recentDatapoints, threshold });
    alarm.stateUpdatedAt = new Date(this.#context.clock.now());
    this.#note(alarm, 'StateUpdate', summary, { reason });
  }

  /**
   * Executes every action once when the state changes; those of Auto Scaling again each minute while the state lasts.
   */
  #act(alarm: Alarm, values: number[], changed: boolean): void {
    if (!alarm.actionsEnabled) return;
    for (const arn of alarm.actions[alarm.state]) {
      const scales = arn.split(':')[2] === 'autoscaling';
      if (scales) this.#scale(alarm, arn, values);
      else if (changed) {
        this.#note(alarm, 'Action', `Action ${arn} is not carried out here: only scaling policies are`);
      }
    }
  }

  #scale(alarm: Alarm, arn: string, values: number[]): void {
    const { threshold } = alarm.rule;
    const breaching = values.filter((value) => breaches(alarm.rule, value));
    const shown = breaching.length > 0 ? breaching : [values[0] ?? threshold];
    try {
      this.#targets.scalingPolicy(arn, { name: alarm.name, state: alarm.state, values: shown, threshold });
      this.#note(alarm, 'Action', `Successfully executed action ${arn}`);
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      this.#note(alarm, 'Action', `Failed to execute action ${arn}`, { error: error.message });
    }
  }

  #note(
    alarm: Alarm,
    HistoryItemType: HistoryItem['HistoryItemType'],
    HistorySummary: string,
    data: Record<string, unknown> = {},
  ): void {
    this.#history.push({
      AlarmName: alarm.name,
      AlarmType: 'MetricAlarm',
      Timestamp: new Date(this.#context.clock.now()),
      HistoryItemType,
      HistorySummary,
      HistoryData: JSON.stringify({ version: '1.0', ...data }),
    });
    if (this.#history.length > KEPT_HISTORY) this.#history.shift();
  }
}

function reasonFor(alarm: Alarm, state: AlarmState, values: number[]): string {
  if (state === 'INSUFFICIENT_DATA' || values.length === 0) {
    return `Insufficient Data: ${values.length} datapoints were unknown.`;
  }
  const crossed = state === 'ALARM' ? '' : 'not ';
  const relation = COMPARISON_WORDS[alarm.rule.comparison];
  return `Threshold Crossed: ${values.length} datapoints [${values.join(', ')}] were ${crossed}${relation} the threshold (${alarm.rule.threshold}).`;
}

const COMPARISON_WORDS = {
  GreaterThanOrEqualToThreshold: 'greater than or equal to',
  GreaterThanThreshold: 'greater than',
  LessThanThreshold: 'less than',
  LessThanOrEqualToThreshold: 'less than or equal to',
};
