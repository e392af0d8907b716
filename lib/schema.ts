import * as v from 'valibot';

/** Parts of schemas. The message of each says what is allowed: it ends the sentence of a refusal. */

export const text = v.pipe(v.string('a text'), v.nonEmpty('a text that is not empty'));

export function number(min: number, max: number, kind = 'a number') {
  const allowed = range(kind, min, max);
  return v.pipe(v.number(allowed), v.minValue(min, allowed), v.maxValue(max, allowed));
}

export function seconds(min: number, max: number) {
  return number(min, max, 'a number of seconds');
}

export function count(min: number, max: number) {
  const allowed = range('a whole number', min, max);
  return v.pipe(v.number(allowed), v.integer(allowed), v.minValue(min, allowed), v.maxValue(max, allowed));
}

/** A whole number from 1 on, or a percentage: `25%`. */
export function countOrPercentage(max: number) {
  const allowed = `${range('a whole number', 1, max)}, or a percentage from "1%" to "100%"`;
  return v.custom<number | `${number}%`>(
    (value) => v.is(count(1, max), value) || (typeof value === 'string' && PERCENTAGE.test(value)),
    allowed,
  );
}

const PERCENTAGE = /^([1-9]\d?|100)%$/;

function range(kind: string, min: number, max: number): string {
  return `${kind} from ${min} to ${max}`;
}
