import type { RequestOptions, TargetGroup } from '../../../client/requests/types.ts';
import { exits, planCheck, planWorker, SUCCEEDS, type Subjects, trouble } from './chaos.ts';
import { PlayedFleet } from './fleet.ts';
import { Guard } from './guard.ts';
import { heal } from './heal.ts';
import { createRandom, type Random } from './random.ts';
import { type Order, plainJob, request, setLanes } from './scenario.ts';
import type { Seats } from './seats.ts';

/** Things that happen before all goes well. */
const STEPS = 200;

/**
 * Plays a few jobs of two groups, whose calls are answered in any order, late, or never, while agents, operators and keepers crash
 * between any two calls. Then all goes well until all is done. Rejects if something was wrong, or is left in the end.
 */
export async function playCrashes(seats: Seats, seed: number): Promise<void> {
  const random = createRandom(seed);
  let calm = false;
  const isAtWork = (target: string | undefined) => [...fleet.remotes].some((one) => one.target === target);
  const fleet = new PlayedFleet({
    seats,
    random,
    plan: ({ stage, target }) => {
      if (stage === 'check')
        return calm ? exits(1000, isAtWork(target) ? 1 : 0) : planCheck(random, isAtWork(target));
      return calm ? SUCCEEDS : planWorker(random);
    },
    witness: () => undefined,
  });
  const guard = new Guard(fleet);
  const check = () => {
    const faults = [...guard.faults, ...fleet.mistakes];
    if (faults.length > 0) throw new Error(`seed ${seed}: ${faults.join('; ')}`);
  };
  const { orders, raw, ...subjects } = createScenario(random);
  fleet.startAgent();
  fleet.startAgent();
  for (let step = 0; step < STEPS; step += 1) {
    await trouble(fleet, random, orders, subjects);
    if (raw.length > 0 && random.chance(0.02)) fleet.sendRaw(raw.pop() ?? {});
    check();
  }
  calm = true;
  await heal(fleet, orders).catch((cause: unknown) => {
    throw new Error(`seed ${seed}`, { cause });
  });
  check();
}

interface Scenario extends Subjects {
  orders: Order[];
  /** Envelopes that a producer sends by itself. */
  raw: object[];
}

/** Two groups, whose requests and plain jobs want the same few targets. */
function createScenario(random: Random): Scenario {
  const groups = ['shop/web', 'shop/db'];
  const targets = ['s1', 's2', 's3', 's4'];
  const requests = ['first', 'second'].slice(0, random.whole(1, 2));
  const orders = requests.map((id) =>
    request(pickTargets(random, groups, targets), { id, ...pickPolicy(random) }),
  );
  const place = () => [random.pick(groups), random.chance(0.7) ? random.pick(targets) : undefined] as const;
  for (let plain = random.whole(0, 3); plain > 0; plain -= 1)
    orders.push(plainJob(...place(), `plain-${plain}`));
  for (const group of groups) if (random.chance(0.5)) orders.push(setLanes(group, random.whole(1, 3)));
  const raw = Array.from({ length: random.whole(0, 2) }, () => {
    const [group, target] = place();
    return { mayfly: 1, payload: 'x', group, ...(target !== undefined && { target }) };
  });
  return { groups, requests, orders, raw };
}

function pickTargets(random: Random, groups: readonly string[], targets: readonly string[]): TargetGroup[] {
  const split = random.whole(0, targets.length);
  const parts = [targets.slice(0, split), targets.slice(split)];
  return parts.flatMap((names, part) => {
    if (names.length === 0) return [];
    const numbered = names.map((target, index) => ({ target, body: 'x', index: part * split + index + 1 }));
    return [{ name: groups[part] ?? '', size: names.length, targets: numbered }];
  });
}

function pickPolicy(random: Random): RequestOptions {
  return {
    ...(random.chance(0.4) && { serial: random.pick([[1], [2], [1, 2], ['50%' as const]]) }),
    ...(random.chance(0.2) && { throttle: random.whole(1, 2) }),
    ...random.pick([{}, {}, { keepGoing: true }, { maxFail: 1 }, { anyErrorsFatal: true }]),
    ...(random.chance(0.1) && { pauseAfter: 1 }),
    ...(random.chance(0.3) && { stops: 'group' as const }),
    ...(random.chance(0.3) && { maxAttempts: 2 }),
    ...(random.chance(0.4) && { healthy: 'healthy', checkSeconds: 60 }),
    ...(random.chance(0.3) && { onFailure: 'rollBack' }),
  };
}
