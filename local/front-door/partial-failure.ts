import { isStructure } from './read.ts';
import { AwsError, type Input, type Output } from './service.ts';

/** Which entries of a batch fail, by position, and with what code. */
export interface PartialEffect {
  entries: number[];
  code?: string;
}

type Run = (input: Input) => Promise<Output>;

/** Runs a batch call of which some entries fail. A call that is not a batch runs as usual. */
export function runWithFailures(effect: PartialEffect, input: Input, run: Run): Promise<Output> {
  return isStructure(input['RequestItems']) ? runItems(effect, input, run) : runEntries(effect, input, run);
}

/** SQS: `Entries` in, `Successful` and `Failed` out. */
async function runEntries(effect: PartialEffect, input: Input, run: Run): Promise<Output> {
  const entries = Array.isArray(input['Entries']) ? (input['Entries'] as unknown[]) : [];
  const failing = entries.filter((_, index) => effect.entries.includes(index));
  const others = entries.filter((_, index) => !effect.entries.includes(index));
  const code = effect.code ?? 'InternalError';
  const failed = failing.map((entry) => ({
    Id: isStructure(entry) ? entry['Id'] : undefined,
    SenderFault: false,
    Code: code,
    Message: `A fault was set: ${code}.`,
  }));
  if (others.length === 0) return { Successful: [], Failed: failed };
  const output = await run({ ...input, Entries: others });
  const ownFailures = Array.isArray(output?.['Failed']) ? output['Failed'] : [];
  return { ...output, Failed: [...ownFailures, ...failed] };
}

/** DynamoDB: for each table `RequestItems` has a list of writes, or an object with `Keys`. Failed ones are returned. */
async function runItems(effect: PartialEffect, input: Input, run: Run): Promise<Output> {
  const done: Input = {};
  const left: Input = {};
  let position = 0;
  let unprocessed = 'UnprocessedItems';
  for (const [table, asked] of Object.entries(input['RequestItems'] as Input)) {
    const isGet = isStructure(asked);
    if (isGet) unprocessed = 'UnprocessedKeys';
    const items = (isGet ? asked['Keys'] : asked) as unknown[];
    const failing = items.map(() => effect.entries.includes(position++));
    const some = (fails: boolean) => {
      const chosen = items.filter((_, index) => failing[index] === fails);
      return isGet ? { ...asked, Keys: chosen } : chosen;
    };
    if (failing.includes(false)) done[table] = some(false);
    if (failing.includes(true)) left[table] = some(true);
  }
  if (Object.keys(done).length === 0) throw exceeded();
  const output = await run({ ...input, RequestItems: done });
  return { ...output, [unprocessed]: { ...(output?.[unprocessed] as Input | undefined), ...left } };
}

/** "BatchWriteItem": the error if no item could be processed. */
function exceeded(): AwsError {
  const message = 'The level of configured provisioned throughput for the table was exceeded.';
  return new AwsError('ProvisionedThroughputExceededException', message);
}
