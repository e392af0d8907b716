import { expect, test } from 'vitest';
import { Batcher } from '../../../agent/work/batcher.ts';
import { EntryError, type EntryResults } from '../../../store/job-queue.ts';

/** A call that the test ends. */
interface OpenCall {
  items: number[];
  answer: (results?: EntryResults) => void;
  fail: (error: Error) => void;
}

function openCalls() {
  const calls: OpenCall[] = [];
  const batcher = new Batcher<number>(
    (items) =>
      new Promise((resolve, reject) => {
        calls.push({
          items,
          answer: (results = items.map(() => undefined)) => resolve(results),
          fail: reject,
        });
      }),
  );
  return { calls, batcher };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('entries that come at once are sent at once, together; entries that come during a call are sent with the next', async () => {
  const { calls, batcher } = openCalls();
  const first = [batcher.add(1), batcher.add(2)];
  await turn();
  expect(calls.map(({ items }) => items)).toEqual([[1, 2]]);
  const second = [batcher.add(3), batcher.add(4)];
  await turn();
  expect(calls).toHaveLength(1);
  calls[0]?.answer();
  await Promise.all(first);
  expect(calls.map(({ items }) => items)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  calls[1]?.answer();
  await Promise.all(second);
});

test('no call takes more than ten entries, and full batches do not wait for each other', async () => {
  const { calls, batcher } = openCalls();
  const all = Array.from({ length: 25 }, (_, index) => batcher.add(index));
  await turn();
  expect(calls.map(({ items }) => items.length)).toEqual([10, 10]);
  calls[0]?.answer();
  calls[1]?.answer();
  await Promise.all(all.slice(0, 20));
  expect(calls[2]?.items).toEqual([20, 21, 22, 23, 24]);
  calls[2]?.answer();
  await Promise.all(all);
});

test('each entry gets its own result', async () => {
  const { calls, batcher } = openCalls();
  const all = Promise.allSettled([batcher.add(1), batcher.add(2)]);
  await turn();
  const refusal = new EntryError({ Id: '0', Code: 'ReceiptHandleIsInvalid', SenderFault: true });
  calls[0]?.answer([refusal, undefined]);
  expect(await all).toEqual([
    { status: 'rejected', reason: refusal },
    { status: 'fulfilled', value: undefined },
  ]);
});

test('a call that fails as a whole fails for each entry, and the next call is made', async () => {
  const { calls, batcher } = openCalls();
  const lost = batcher.add(1);
  await turn();
  calls[0]?.fail(new Error('reset'));
  await expect(lost).rejects.toThrow('reset');
  const next = batcher.add(2);
  await turn();
  calls[1]?.answer();
  await next;
});
