/** Amounts that a person writes as texts. The parsers throw a `RangeError` that has the value. */

export { parseSerial } from '../../policy/groups/batches.ts';
export { parseMaxFail } from '../../policy/groups/failures.ts';
export { parseLanes } from '../../policy/groups/lanes.ts';
export { MOST_LANES } from '../../policy/groups/limits.ts';
