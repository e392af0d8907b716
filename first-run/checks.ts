import type { Check } from './check.ts';
import { bootstrap, deployment, doctor } from './checks/deployment.ts';
import { destruction, retirement, scaleOut, update } from './checks/instances.ts';
import { limit, plainMessage, recordAndLog } from './checks/jobs.ts';

/** All checks, in order. Each needs the state in which the ones before left the fleet. */
export const CHECKS: readonly Check[] = [
  bootstrap,
  deployment,
  doctor,
  plainMessage,
  recordAndLog,
  limit,
  retirement,
  scaleOut,
  update,
  destruction,
];
