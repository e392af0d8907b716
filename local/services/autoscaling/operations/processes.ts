import { optionalText, text, texts } from '../../../front-door/read.ts';
import { AwsError, type Input, type Operation } from '../../../front-door/service.ts';
import { PROCESSES, type ScalingProcess } from '../group.ts';
import type { Parts } from '../parts.ts';
import { tagConditions } from './tag-conditions.ts';

const METRICS = [
  'GroupMinSize',
  'GroupMaxSize',
  'GroupDesiredCapacity',
  'GroupInServiceInstances',
  'GroupPendingInstances',
  'GroupStandbyInstances',
  'GroupTerminatingInstances',
  'GroupTotalInstances',
];

/** Suspends and resumes scaling processes. Group metrics are accepted and shown. */
export function processOperations({ groups, scaler }: Parts): Record<string, Operation> {
  const one = (input: Input) => groups.get(text(input, 'AutoScalingGroupName'));
  const scope = {
    resources: (input: Input) => [groups.arnOf(optionalText(input, 'AutoScalingGroupName'))],
    conditions: (input: Input) => tagConditions(groups.find(String(input['AutoScalingGroupName']))),
  };
  return {
    SuspendProcesses: {
      ...scope,
      run: (input) => {
        const group = one(input);
        for (const name of readProcesses(input)) group.suspended.set(name, 'User suspended');
        return {};
      },
    },
    ResumeProcesses: {
      ...scope,
      run: (input) => {
        const group = one(input);
        for (const name of readProcesses(input)) group.suspended.delete(name);
        scaler.reconcile(group);
        return {};
      },
    },
    DescribeScalingProcessTypes: {
      run: () => ({ Processes: PROCESSES.map((ProcessName) => ({ ProcessName })) }),
    },
    EnableMetricsCollection: {
      ...scope,
      run: (input) => {
        const group = one(input);
        for (const metric of metricsOf(input)) group.metrics.add(metric);
        return {};
      },
    },
    DisableMetricsCollection: {
      ...scope,
      run: (input) => {
        const group = one(input);
        for (const metric of metricsOf(input)) group.metrics.delete(metric);
        return {};
      },
    },
  };
}

/** All processes, if none is named. */
function readProcesses(input: Input): readonly ScalingProcess[] {
  const names = texts(input, 'ScalingProcesses');
  if (names.length === 0) return PROCESSES;
  return names.map((name) => {
    const found = PROCESSES.find((process) => process === name);
    if (found) return found;
    throw new AwsError('ValidationError', `Invalid process type provided : ${name}`);
  });
}

function metricsOf(input: Input): string[] {
  const names = texts(input, 'Metrics');
  return names.length === 0 ? METRICS : names;
}
