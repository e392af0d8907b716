import type { CheckInput } from './check-input.ts';
import { type Finding, warn } from './finding.ts';

/** In the embedded cloud, only instances that are machines run the set-up. */
export function checkSetup({ fleet, localInstances }: CheckInput): Finding[] {
  if (!fleet.setup || localInstances !== 'processes') return [];
  const text =
    "The fleet's set-up (prop `setup`) is not run: instances of this cloud are processes, not machines.";
  return [warn('instances', text, 'To try it: npx mayfly local --instances machines (Linux, as root)')];
}
