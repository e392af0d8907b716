import { CHECKS } from './checks.ts';

/**
 * By the prices of us-east-1 in 2025: about 40 minutes of an instance with 2 vCPU and 8 GiB at $0.096 an hour, with its address
 * and its volume. Everything else costs less than a cent.
 */
export const COST = 'less than $0.10';

/** The checks and their cost. */
export function planText(stack: string, where: string, local: boolean): string {
  const checks = CHECKS.map(({ title }, index) => `${String(index + 1).padStart(2)}  ${title}`);
  const cost = local
    ? 'It uses the embedded cloud of this machine, takes minutes, and costs nothing.'
    : `It takes 30 to 60 minutes, uses up to two instances at a time, and costs ${COST}. At the end it deletes the stack.`;
  return [`A first run in ${where}.`, '', ...checks, '', `It deploys the stack ${stack}. ${cost}`, ''].join(
    '\n',
  );
}
