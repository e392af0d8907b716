import type { CheckInput, HookSettings } from './check-input.ts';
import { putHookCommand } from './commands.ts';
import { bad, checkRead, type Finding, ok, readValue, warn } from './finding.ts';
import { DEPLOY_FOR_COMMAND } from './scaling.ts';

interface Hook {
  what: 'launch' | 'termination';
  name: string;
  wanted: HookSettings | undefined;
  withoutIt: string;
}

/**
 * The lifecycle hooks that keep an instance pending until its agent is ready, and terminating until its jobs have
 * ended.
 */
export function checkHooks({ hooks, group, fleet }: CheckInput): Finding[] {
  const expected = hooksOf(fleet);
  // `checkGroup` reports a group that is gone.
  if (expected.length === 0 || !readValue(group)) return [];
  return checkRead('hooks', hooks, (seen) => {
    const findings = expected.flatMap(({ what, name, wanted, withoutIt }) => {
      const hook = seen.get(name);
      const repair = wanted ? putHookCommand(fleet, name, wanted) : DEPLOY_FOR_COMMAND;
      if (!hook) return [bad('hooks', `The ${what} hook ${name} is gone: ${withoutIt}.`, repair)];
      const differences = wanted ? differencesOf(hook, wanted) : [];
      if (differences.length === 0) return [];
      return [
        warn('hooks', `The ${what} hook ${name} was changed by hand: ${differences.join('; ')}.`, repair),
      ];
    });
    if (findings.length > 0) return findings;
    return [ok('hooks', expected.map(({ name }) => name).join(', '))];
  });
}

function hooksOf(fleet: CheckInput['fleet']): Hook[] {
  const { launchHook, bootBudgetSeconds, terminationHook, terminationHookSeconds } = fleet;
  const set = (transition: string, heartbeatSeconds: number): HookSettings => ({
    transition: `autoscaling:EC2_INSTANCE_${transition}`,
    heartbeatSeconds,
    defaultResult: 'CONTINUE',
  });
  const hooks: Hook[] = [];
  if (launchHook !== undefined) {
    hooks.push({
      what: 'launch',
      name: launchHook,
      wanted: set('LAUNCHING', bootBudgetSeconds),
      withoutIt: 'an instance is in service before its agent runs',
    });
  }
  if (terminationHook !== undefined && terminationHookSeconds !== undefined) {
    hooks.push({
      what: 'termination',
      name: terminationHook,
      wanted: set('TERMINATING', terminationHookSeconds),
      withoutIt: 'Auto Scaling terminates instances before their jobs have ended',
    });
  }
  return hooks;
}

function differencesOf(seen: HookSettings, wanted: HookSettings): string[] {
  const differences: string[] = [];
  if (seen.transition !== wanted.transition) {
    differences.push(`it is for ${seen.transition}, not for ${wanted.transition}`);
  }
  if (seen.heartbeatSeconds !== wanted.heartbeatSeconds) {
    differences.push(`its time-out is ${seen.heartbeatSeconds} s, not ${wanted.heartbeatSeconds} s`);
  }
  if (seen.defaultResult !== wanted.defaultResult) {
    differences.push(`its default result is ${seen.defaultResult}, not ${wanted.defaultResult}`);
  }
  return differences;
}
