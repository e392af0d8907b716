import { expect, test } from 'vitest';
import { freeTarget, recallJob } from '../../policy/groups/lane.ts';
import { MOST_LANES } from '../../policy/groups/limits.ts';
import { addPlain } from '../../policy/groups/plain.ts';
import { releaseJobs } from '../../policy/groups/release.ts';
import { addRequest } from '../../policy/groups/requests.ts';
import {
  emptyGroup,
  type GroupState,
  MOST_BATCH_SIZES,
  MOST_OPEN_REQUESTS,
  MOST_PLAIN,
  MOST_WAITING,
  type RequestPolicy,
} from '../../policy/groups/state.ts';
import { GroupItems } from '../../store/group-items.ts';
import { testQueues } from '../support/test-queue.ts';

const open = testQueues();
const NOW_MS = 1_800_000_000_000;
const LIMITS = { lanes: MOST_LANES, maxLanes: MOST_LANES };

/** Names are as long as they may be. */
const longName = (start: string) => start.padEnd(128, 'x');
const idOf = (request: string, _: string, number: number) =>
  `r-${request.slice(0, 4)}${number}`.padEnd(26, '0');

const policy: RequestPolicy = {
  serial: Array.from({ length: MOST_BATCH_SIZES }, () => 100_000),
  maxFail: '50%',
  healthy: 'h'.repeat(64),
  rollBack: 'r'.repeat(64),
  settleSeconds: 900,
  checkSeconds: 3600,
  stops: 'group',
};

/** All that may be released is, and finds its target busy, until nothing more may be. */
function withBusyTargets(start: GroupState): GroupState {
  let group = start;
  for (;;) {
    const decided = releaseJobs(group, LIMITS, NOW_MS, idOf);
    if (decided.releases.length === 0) return group;
    group = decided.group;
    for (const { id } of decided.releases) group = recallJob(group, id, longName(id));
  }
}

test('a group with as much as it may have fits into an item', async () => {
  const { clients } = await open();
  const items = new GroupItems(clients.dynamodb, 'jobs');
  let group = emptyGroup(longName('group'));
  for (let made = 0; made < MOST_OPEN_REQUESTS; made += 1) {
    const own = { id: longName(`q${made + 10}-`), index: 499, count: 100_000, size: 100_000, policy };
    const request = { ...own, submittedAtMs: NOW_MS, generation: 1, state: 'open' as const };
    group = withBusyTargets(addRequest(group, request));
  }
  for (let made = 0; made < MOST_WAITING + MOST_PLAIN; made += 1) {
    const job = { id: longName(`w${made}-`), target: longName(`t${made}-`), sinceMs: NOW_MS };
    group = withBusyTargets(addPlain(group, [job]));
  }
  const out = Array.from({ length: MOST_LANES }, (_, at) => ({
    id: longName(`o${at}-`),
    target: longName(`u${at}-`),
  }));
  group = releaseJobs(addPlain(group, out), LIMITS, NOW_MS, idOf).group;
  expect(Object.keys(group.out)).toHaveLength(MOST_LANES);
  expect(await items.write(group, NOW_MS)).toBe(true);
  expect(await items.read(group.name)).toEqual({ ...group, version: 1 });
  expect(await items.write({ ...freeTarget(group), version: 1 }, NOW_MS)).toBe(true);
});
