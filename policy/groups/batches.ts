/**
 * Batches: Ansible's `serial`. The source is `_get_serialized_batches` in Ansible's `executor/playbook_executor.py`, and
 * test/ansible/serial/serial.test.ts compares the two.
 */

import { type Percent, parseAmount, toWhole } from './percent.ts';

/** Jobs of a batch. A percentage is of all jobs that are split, and is at least one job. 0 or less: all that are left. */
export type BatchSize = number | Percent;

/**
 * The size of a batch. Throws a `RangeError` that has the name and the value.
 *
 * @param name what the error calls it. Default `serial`
 */
export function parseBatchSize(given: string | number, name = 'serial'): BatchSize {
  const size = parseAmount(given);
  if (size !== undefined) return size;
  throw new RangeError(
    `${name} has '${given}': allowed is a whole number (0 or less: all that are left) or a whole percentage, such as 5 or 30%`,
  );
}

/**
 * The sizes in a text such as `1,5,10,100%`, or in a list. Throws a `RangeError` that has the name and the value.
 *
 * @param name what the error calls it. Default `serial`
 */
export function parseSerial(
  given: string | number | readonly (string | number)[],
  name = 'serial',
): BatchSize[] {
  const sizes = typeof given === 'string' ? given.split(',') : [given].flat();
  return sizes.map((size) => parseBatchSize(size, name));
}

/**
 * Where a batch ends: the index of the first job that is not in it.
 *
 * @param count all jobs that are split, those of earlier batches too
 * @param serial the sizes, one for each batch. The last one is that of all further batches. Empty: one batch of all
 * @param start the index of the batch's first job, less than `count`
 * @param batchIndex 0 for the first batch
 * @returns more than `start`, and at most `count`
 */
export function batchEnd(
  count: number,
  serial: readonly BatchSize[],
  start: number,
  batchIndex: number,
): number {
  const size = toWhole(serial[Math.min(batchIndex, serial.length - 1)] ?? 0, count);
  return size <= 0 ? count : Math.min(count, start + size);
}

/** How many jobs each batch has. See `batchEnd`. */
export function splitIntoBatches(count: number, serial: readonly BatchSize[]): number[] {
  const sizes: number[] = [];
  let start = 0;
  while (start < count) {
    const end = batchEnd(count, serial, start, sizes.length);
    sizes.push(end - start);
    start = end;
  }
  return sizes;
}
