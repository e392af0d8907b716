import type { Check } from './check.ts';
import { bootstrapped, deployment, examination } from './checks/deployment.ts';
import { limit, plainMessage, recordAndLog } from './checks/jobs.ts';
import { destruction, goesByItself, secondStart, update } from './checks/life.ts';

/** In their order: each needs what those before it have left. */
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
