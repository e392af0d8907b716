import { expect, test } from 'vitest';
import { type InFlightMessage, type StopReason, stopWorker } from '../../../agent/work/in-flight-message.ts';

test.each<[StopReason[], StopReason]>([
  [['timed-out', 'cancelled', 'interrupted'], 'timed-out'],
  [['cancelled', 'timed-out'], 'cancelled'],
  [['interrupted', 'timed-out'], 'interrupted'],
  [['cancelled', 'lease-lost'], 'lease-lost'],
  [['lease-lost', 'interrupted'], 'lease-lost'],
])('stopped for %j: for %s', (reasons, reason) => {
  const graces: number[] = [];
  const run = { ended: new Promise<never>(() => undefined), stop: (ms: number) => graces.push(ms) };
  const held = { run } as unknown as InFlightMessage;
  for (const [index, one] of reasons.entries()) stopWorker(held, one, index);
  expect(held.stopped).toBe(reason);
  expect(graces).toEqual([...reasons.keys()]);
});
