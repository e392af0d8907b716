import type { StreamLog, Try, TryLog } from './record.ts';

/** The number of tries that a record keeps. */
export const MAX_KEPT_TRIES = 20;

/**
 * Output and results that a record keeps, all tries together, in bytes of JSON. DynamoDB bills every write by the size of the
 * item. Those of one try always fit.
 */
export const MAX_KEPT_OUTPUT_BYTES = 16 * 1024;

/**
 * What a record keeps of a job's tries: the newest `MAX_KEPT_TRIES`, with the newest output and results that fit into
 * `MAX_KEPT_OUTPUT_BYTES`. Older tries keep their counts, and their logs in the bucket stay there.
 */
export function boundTries(tries: readonly Try[]): Try[] {
  const bounded: Try[] = [];
  let room = MAX_KEPT_OUTPUT_BYTES;
  for (const one of tries.slice(-MAX_KEPT_TRIES).reverse()) {
    room -= outputBytes(one);
    bounded.push(room >= 0 ? one : withoutOutput(one));
  }
  return bounded.reverse();
}

/** Whether a claim has to shorten the tries. They exceed the bounds only if many tries in a row are lost. */
export function areOverlong(tries: readonly Try[]): boolean {
  if (tries.length > MAX_KEPT_TRIES + 5) return true;
  return tries.reduce((bytes, one) => bytes + outputBytes(one), 0) > 2 * MAX_KEPT_OUTPUT_BYTES;
}

function outputBytes({ log, result }: Try): number {
  const { stdout, stderr, times, tail }: Partial<TryLog> = log ?? {};
  const texts = [
    stdout?.text,
    stdout?.base64,
    stderr?.text,
    stderr?.base64,
    tail,
    times && JSON.stringify(times),
    result,
  ];
  return texts.reduce((bytes, text = '') => bytes + Buffer.byteLength(text), 0);
}

function withoutOutput({ log, result: _, ...one }: Try): Try {
  return log ? { ...one, log: countsOf(log) } : one;
}

function countsOf({ stdout, stderr, maxBytes }: TryLog): TryLog {
  const counts = { stdout: streamCounts(stdout), stderr: streamCounts(stderr) };
  return maxBytes === undefined ? counts : { ...counts, maxBytes };
}

function streamCounts({ text: _, base64: __, ...counts }: StreamLog): StreamLog {
  return counts;
}
