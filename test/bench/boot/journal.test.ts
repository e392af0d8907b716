import { expect, it } from 'vitest';
import { activeSinceMs, parseEntry } from '../../../bench/boot/journal.ts';

const line = (values: object) => JSON.stringify({ __REALTIME_TIMESTAMP: '1795324196554321', ...values });
const STARTED = { MESSAGE_ID: '39f53479d3a045ac8e11786248231fbf' };

it("reads a line of journalctl's JSON, to the microsecond", () => {
  expect(parseEntry(line({ MESSAGE: 'hello' }))).toEqual({ atMs: 1795324196554.321, message: 'hello' });
});

it('reads a message that is not text as an empty one', () => {
  expect(parseEntry(line({ MESSAGE: [104, 255] })).message).toBe('');
});

it('finds when a unit first became active, among other events of the unit', () => {
  const journal = [
    parseEntry(line({ MESSAGE: 'Starting agent.service', UNIT: 'agent.service' })),
    parseEntry(
      line({
        ...STARTED,
        UNIT: 'agent.service',
        MESSAGE: 'Condition check resulted in agent.service - The agent being skipped.',
      }),
    ),
    parseEntry(line({ ...STARTED, UNIT: 'other.service', __REALTIME_TIMESTAMP: '1000' })),
    parseEntry(line({ ...STARTED, UNIT: 'agent.service', __REALTIME_TIMESTAMP: '2000' })),
    parseEntry(line({ ...STARTED, UNIT: 'agent.service', __REALTIME_TIMESTAMP: '3000' })),
  ];
  expect(activeSinceMs(journal, 'agent.service')).toBe(2);
  expect(activeSinceMs(journal, 'absent.service')).toBeUndefined();
});
