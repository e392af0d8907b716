import { afterAll, expect, test } from 'vitest';
import { toItem } from '../../store/item.ts';
import { SUCCEEDS } from '../groups/played/chaos.ts';
import { PlayedFleet } from '../groups/played/fleet.ts';
import { createRandom } from '../groups/played/random.ts';
import { plainJob } from '../groups/played/scenario.ts';
import { Seats } from '../groups/played/seats.ts';

const seats = new Seats();
afterAll(() => seats.close());

test('the keeper frees the target of a job that is out no more, and no other', async () => {
  const fleet = new PlayedFleet({
    ...{ seats, random: createRandom(1) },
    plan: () => SUCCEEDS,
    witness: () => undefined,
  });
  plainJob('web', 's1', 'out').run(fleet);
  await fleet.answerAll();
  const target = {
    pk: 'target#s2',
    job: 'gone',
    release: 7,
    group: 'web',
    listed: 'targets',
    listedAt: 's2',
  };
  fleet.table.items.set(target.pk, toItem(target));
  const kept = fleet.keep();
  await fleet.answerAll();
  expect(kept.result).toBe('done');
  expect([...fleet.table.readAll('target#').keys()]).toEqual(['s1']);
});
