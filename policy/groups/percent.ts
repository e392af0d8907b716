/** Whole numbers and percentages, as Ansible writes and rounds them. Sizes of batches, lanes and limits of failures are these. */

/** A whole percentage, such as `30%`. */
export type Percent = `${number}%`;

export type Amount = number | Percent;

/** The amount that a person or a program gave. Undefined: it is no whole number and no whole percentage. */
export function parseAmount(given: string | number): Amount | undefined {
  const [, digits, sign] = /^\s*(-?\d+)(%?)\s*$/.exec(`${given}`) ?? [];
  const value = Number(digits) + 0; // -0 is 0
  if (!Number.isSafeInteger(value)) return undefined;
  return sign === '%' ? `${value}%` : value;
}

export function isPercent(amount: Amount): amount is Percent {
  return typeof amount === 'string';
}

/** 30 for `30%`. */
export function percentageOf(percent: Percent): number {
  return Number(percent.slice(0, -1));
}

/**
 * The amount as a whole number: a percentage is of `count`, is rounded towards zero, and is 1 if that is 0. The source is
 * `pct_to_int` in Ansible's `utils/helpers.py`. The order of the operations is Ansible's too, because they are inexact:
 * 29% of 100 is 28. The result is never more than the exact one.
 */
export function toWhole(amount: Amount, count: number): number {
  if (!isPercent(amount)) return amount;
  return Math.trunc((percentageOf(amount) / 100) * count) || 1;
}
