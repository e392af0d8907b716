import type { Check } from './check.ts';
import { bootstrapped, deployment, examination } from './checks/deployment.ts';
import { limit, plainMessage, recordAndLog } from './checks/jobs.ts';
import { destruction, goesByItself, secondStart, update } from './checks/life.ts';

/** All checks, in order. Each needs the state in which the ones before left the fleet. */
export const CHECKS: readonly Check[] = [
  bootstrapped,
  deployment,
  examination,
  plainMessage,
  recordAndLog,
  limit,
  goesByItself,
  secondStart,
  update,
  destruction,
];
