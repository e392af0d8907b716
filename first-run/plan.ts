import { CHECKS } from './checks.ts';

/**
 * By the prices of us-east-1 in 2025: about 40 minutes of an instance with 2 vCPU and 8 GiB at $0.096 an hour, its address and
 * its volume. What else is used costs less than a cent.
 */
export const COST = 'less than $0.10';

/** What will be done and what it costs. */
export function planText(stack: string, where: string, local: boolean): string {
  const checks = CHECKS.map(({ title }, index) => `${String(index + 1).padStart(2)}  ${title}`);
  const cost = local
    ? 'On the embedded cloud of this machine, for nothing, within minutes.'
    : `It takes 30 to 60 minutes, has up to two instances at a time, and costs ${COST}. At its end the stack is deleted.`;
  return [`A first run in ${where}.`, '', ...checks, '', `It deploys the stack ${stack}. ${cost}`, ''].join(
    '\n',
  );
}
