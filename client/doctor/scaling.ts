import { parsePolicyName } from '../../aws/scaling-policy.ts';
import { stepsFor } from '../../policy/steps.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import type { CheckInput, DeployedPolicy, PolicySettings } from './check-input.ts';
import { putPolicyCommand } from './commands.ts';
import { bad, checkRead, type Finding, ok, readValue, warn } from './finding.ts';

/** Advice where the settings are not known, because an earlier version deployed the fleet. */
export const DEPLOY_FOR_COMMAND =
  'Deploy the stack with this version. Then `mayfly doctor` shows the command that repairs it.';

/** Checks the scaling policy, by which the alarm and the keeper launch instances. */
export function checkPolicy({ policies, group, fleet }: CheckInput): Finding[] {
  const { policyArn } = fleet;
  // `checkGroup` reports a group that is gone.
  if (policyArn === undefined || !readValue(group)) return [];
  const name = parsePolicyName(policyArn);
  return checkRead('scaling policy', policies, (seen) => {
    const policy = seen.get(name);
    const wanted = wantedPolicy(fleet);
    const repair = wanted ? putPolicyCommand(fleet, name, wanted) : DEPLOY_FOR_COMMAND;
    if (!policy) {
      return [
        bad(
          'scaling policy',
          `The scaling policy ${name} is gone: neither the alarm nor the keeper can launch an instance.`,
          repair,
          [
            'A policy that is created again has another ARN. Run `mayfly doctor` again: it shows how the alarm gets it.',
          ],
        ),
      ];
    }
    if (!policy.enabled) {
      const text = `The scaling policy ${name} is disabled: neither the alarm nor the keeper can launch an instance.`;
      return [bad('scaling policy', text, repair)];
    }
    const differences = wanted ? differencesOf(policy, wanted) : [];
    if (differences.length === 0) return [ok('scaling policy', name)];
    const text = `The scaling policy ${name} was changed by hand: ${differences.join('; ')}.`;
    return [warn('scaling policy', text, repair)];
  });
}

/** The policy that the stack creates. */
function wantedPolicy({ scaleOut, maxCapacity }: FleetFacts): PolicySettings | undefined {
  if (!scaleOut || maxCapacity === undefined) return undefined;
  const { threshold, jobsPerInstance, warmUpSeconds } = scaleOut;
  return {
    type: 'StepScaling',
    adjustmentType: 'ChangeInCapacity',
    aggregation: 'Maximum',
    warmUpSeconds,
    steps: stepsFor({ threshold, jobsPerInstance, maxCapacity }),
  };
}

function differencesOf(seen: DeployedPolicy, wanted: PolicySettings): string[] {
  const shown = (one: PolicySettings) => ({
    type: one.type,
    'adjustment type': one.adjustmentType,
    'metric aggregation type': one.aggregation,
    'warm-up': `${one.warmUpSeconds ?? 'not set'}${one.warmUpSeconds === undefined ? '' : ' s'}`,
  });
  const is = Object.entries(shown(seen));
  const should = Object.values(shown(wanted));
  const differences = is.flatMap(([word, value], at) =>
    value === should[at] ? [] : [`its ${word} is ${value}, not ${should[at]}`],
  );
  return stepsText(seen) === stepsText(wanted) ? differences : [...differences, 'its steps differ'];
}

function stepsText({ steps }: PolicySettings): string {
  return steps
    .toSorted((one, other) => one.lower - other.lower)
    .map(({ lower, upper = '', change }) => `${lower}..${upper}: ${change}`)
    .join(', ');
}
