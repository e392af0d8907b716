import { optionalChoice, optionalInteger, optionalText, text, texts } from '../../../front-door/read.ts';
import { AwsError, type Input, type Operation } from '../../../front-door/service.ts';
import { describeHook } from '../describe.ts';
import { allInstances, type Group, HOOK_RESULTS, HOOK_TRANSITIONS } from '../group.ts';
import { findAction } from '../lifecycle-actions.ts';
import type { Parts } from '../parts.ts';
import { tagConditions } from './tag-conditions.ts';

/** The operations on lifecycle hooks and lifecycle actions. */
export function hookOperations({ groups, lifecycle }: Parts): Record<string, Operation> {
  const group = (input: Input) => groups.get(text(input, 'AutoScalingGroupName'));
  const scope = {
    resources: (input: Input) => [groups.arnOf(optionalText(input, 'AutoScalingGroupName'))],
    conditions: (input: Input) => tagConditions(groups.find(String(input['AutoScalingGroupName']))),
  };
  const wait = (input: Input) =>
    findAction(group(input), text(input, 'LifecycleHookName'), {
      instanceId: optionalText(input, 'InstanceId'),
      token: optionalText(input, 'LifecycleActionToken'),
    });
  return {
    PutLifecycleHook: {
      ...scope,
      run: (input) => {
        addHook(group(input), input);
        return {};
      },
    },
    DeleteLifecycleHook: {
      ...scope,
      run: (input) => {
        const name = text(input, 'LifecycleHookName');
        const of = group(input);
        const hook = of.hooks.get(name);
        if (!hook) throw noHook(name);
        of.hooks.delete(name);
        // "If there are any outstanding lifecycle actions, they are completed first (ABANDON for launching
        // instances, CONTINUE for terminating instances)."
        const result = hook.transition === 'autoscaling:EC2_INSTANCE_LAUNCHING' ? 'ABANDON' : 'CONTINUE';
        for (const instance of allInstances(of)) {
          const waiting = instance.waits.get(name);
          if (waiting) lifecycle.complete(instance, waiting, result);
        }
        return {};
      },
    },
    DescribeLifecycleHooks: {
      run: (input) => {
        const of = group(input);
        const names = texts(input, 'LifecycleHookNames');
        const missing = names.find((name) => !of.hooks.has(name));
        if (missing !== undefined) throw noHook(missing);
        const shown = [...of.hooks.values()].filter(({ name }) => names.length === 0 || names.includes(name));
        return { LifecycleHooks: shown.map((hook) => describeHook(of, hook)) };
      },
    },
    CompleteLifecycleAction: {
      ...scope,
      run: (input) => {
        const result = optionalChoice(input, 'LifecycleActionResult', HOOK_RESULTS);
        if (!result) throw new AwsError('ValidationError', 'LifecycleActionResult is required.');
        const found = wait(input);
        lifecycle.complete(found.instance, found.wait, result);
        return {};
      },
    },
    RecordLifecycleActionHeartbeat: {
      ...scope,
      run: (input) => {
        const found = wait(input);
        lifecycle.heartbeat(found.instance, found.wait);
        return {};
      },
    },
  };
}

/** Adds or changes a hook. Lifecycle actions in progress keep the hook as it was when they began. */
export function addHook(group: Group, input: Input): void {
  const name = text(input, 'LifecycleHookName');
  if (!/^[A-Za-z0-9\-_/]{1,255}$/.test(name)) {
    throw new AwsError('ValidationError', `The lifecycle hook name '${name}' is not valid.`);
  }
  for (const key of ['NotificationTargetARN', 'RoleARN']) {
    if (optionalText(input, key) === undefined) continue;
    throw new AwsError('ValidationError', `${key} of a lifecycle hook is not implemented here.`);
  }
  const before = group.hooks.get(name);
  const transition = optionalChoice(input, 'LifecycleTransition', HOOK_TRANSITIONS) ?? before?.transition;
  if (!transition) throw new AwsError('ValidationError', 'LifecycleTransition is required for a new hook.');
  if (!before && group.hooks.size >= 50) {
    throw new AwsError('LimitExceeded', 'You have reached the limit of 50 lifecycle hooks in a group.');
  }
  group.hooks.set(name, {
    name,
    transition,
    heartbeatSeconds:
      optionalInteger(input, 'HeartbeatTimeout', { min: 30, max: 7200 }) ?? before?.heartbeatSeconds ?? 3600,
    defaultResult: optionalChoice(input, 'DefaultResult', HOOK_RESULTS) ?? before?.defaultResult ?? 'ABANDON',
    metadata: optionalText(input, 'NotificationMetadata') ?? before?.metadata,
  });
}

function noHook(name: string): AwsError {
  return new AwsError('ValidationError', `No Lifecycle Hook found with name ${name}`);
}
