import { describe, expect, it, test } from 'vitest';
import { ThrottledError, UnknownRequestError, UnreachableError } from '../../../client/errors.ts';
import type { Fleet, FleetContext, RequestView } from '../../../client/index.ts';
import { isHalted } from '../../../client/requests/halted.ts';
import { waitForRequest } from '../../../client/requests/wait.ts';
import { fleetsWithAgent } from '../../support/fleet-with-agent.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const open = fleetsWithAgent();
let made = 0;

async function request(fleet: Fleet, count: number, options = {}) {
  const name = `wait/g${++made}`;
  const targets = Array.from({ length: count }, (_, at) => ({
    target: `w${made}.${at}`,
    body: `${at}`,
    index: at + 1,
  }));
  return fleet.request([{ name, size: count, targets }], { id: `wait-${made}`, ...options });
}

const QUICK = { pollSeconds: 0.05, timeoutSeconds: 30 };

describe('the wait for a request', () => {
  it('ends when all of its jobs have ended, and tells each look', async () => {
    const { fleet, startAgent } = await open();
    const { id } = await request(fleet, 3);
    const looks: RequestView[] = [];
    await startAgent('exit 0');
    const ended = await fleet.requests.wait(id, { ...QUICK, onProgress: (look) => looks.push(look) });
    expect(ended).toMatchObject({ state: 'ended', succeeded: 3, held: 0 });
    expect(looks[0]).toMatchObject({ state: 'open', held: 2 });
    expect(looks.at(-1)).toEqual(ended);
  });

  it('ends when a failure has stopped it and what ran has ended', async () => {
    const { fleet, bench, startAgent } = await open();
    await fleet.groups.set(`wait/g${made + 1}`, { lanes: 2 });
    const { id } = await request(fleet, 4);
    await startAgent('[ "$1" = 0 ] && exit 7; until [ -e "$DIRECTORY/go" ]; do sleep 0.05; done');
    const stopped = Promise.withResolvers<void>();
    const waiting = fleet.requests.wait(id, {
      ...QUICK,
      onProgress: ({ state, running }) => {
        if (state === 'stopped' && running === 1) stopped.resolve();
      },
    });
    await stopped.promise;
    await bench.touch('go');
    expect(await waiting).toMatchObject({ state: 'stopped', running: 0, failed: 1, succeeded: 1, held: 2 });
  });

  it('ends when its group is paused, and at its time-out', async () => {
    const { fleet } = await open();
    const { id } = await request(fleet, 2);
    expect(await fleet.requests.wait(id, { pollSeconds: 0.05, timeoutSeconds: 0.2 })).toMatchObject({
      state: 'open',
      running: 1,
    });
    await fleet.groups.pause(`wait/g${made}`);
    // What runs goes on.
    expect(await fleet.requests.wait(id, { pollSeconds: 0.05, timeoutSeconds: 0.2 })).toMatchObject({
      running: 1,
    });
    const [job = ''] = (await fleet.requests.show(id)).groups.flatMap(({ running }) =>
      running.map(({ job }) => job),
    );
    await fleet.cancel([job]);
    expect(await fleet.requests.wait(id, QUICK)).toMatchObject({ state: 'open', running: 0, held: 1 });
  });

  it('rejects if the request is unknown', async () => {
    const { fleet } = await open();
    await expect(fleet.requests.wait('wait-none')).rejects.toThrow('There is no request wait-none');
  });
});

/** Waits with these answers, the last of them again and again, on a clock that runs as fast as it can. */
async function waitWith(answers: (RequestView | Error)[]) {
  const clock = new ManualClock();
  const context = { clock, random: () => 1, facts: { region: 'r' } } as unknown as FleetContext;
  const read = async () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof Error) throw answer;
    return answer as RequestView;
  };
  let isOver = false;
  const result = waitForRequest(context, read, {}).finally(() => {
    isOver = true;
  });
  result.catch(() => {});
  while (!isOver) await clock.advance(1000);
  return { result, seconds: clock.monotonic() / 1000 };
}

describe('after an answer without a request, the wait', () => {
  const view = (state: 'open' | 'ended'): RequestView => ({
    ...{ id: 'r', state, count: 1, succeeded: 0, failed: 0, cancelled: 0, running: 1, held: 0, skipped: 0 },
    ...{ submittedAt: '', policy: {}, groups: [], ...(state === 'ended' && { endedAt: '' }) },
  });

  it('goes on, however often DynamoDB throttles', async () => {
    const throttled = Array.from({ length: 20 }, () => new ThrottledError('no'));
    const { result, seconds } = await waitWith([view('open'), ...throttled, view('ended')]);
    expect(await result).toMatchObject({ state: 'ended' });
    expect(seconds).toBeGreaterThan(120);
  });

  it('goes on for a minute without an answer, and then rejects', async () => {
    const { result, seconds } = await waitWith([view('open'), new UnreachableError('gone')]);
    await expect(result).rejects.toThrow('gone');
    expect(seconds).toBeGreaterThan(60);
    expect(seconds).toBeLessThan(100);
  });

  it('rejects at once with any other error', async () => {
    const { result, seconds } = await waitWith([view('open'), new UnknownRequestError('r', 'f')]);
    await expect(result).rejects.toThrow(UnknownRequestError);
    expect(seconds).toBeLessThan(10);
  });
});

test('the wait does not end between the stop of a group and that of its request', async () => {
  const group = { name: 'g', count: 2, size: 2, succeeded: 0, failed: 1, cancelled: 0, running: [], held: 1 };
  const waitsFor = { what: 'request', text: 'it is stopped' } as const;
  const view = (state: 'open' | 'stopped', policy: RequestView['policy'] = {}): RequestView => ({
    ...{ id: 'r', state, count: 2, succeeded: 0, failed: 1, cancelled: 0, running: 0, held: 1, skipped: 0 },
    ...{ submittedAt: '', policy, groups: [{ ...group, state: 'stopped', waitsFor }] },
  });
  const { result } = await waitWith([view('open'), view('stopped')]);
  expect(await result).toMatchObject({ state: 'stopped' });
  const own = await waitWith([view('open', { stops: 'group' }), view('stopped')]);
  expect(await own.result).toMatchObject({ state: 'open' });
});

test('a request is not halted while the roll-back or the health check of a target runs', () => {
  const group = { name: 'g', count: 2, size: 2, succeeded: 1, failed: 0, cancelled: 0 } as const;
  const waitsFor = { what: 'request', text: 'it is stopped' } as const;
  const out = { job: 'r-1', since: '', target: 's1' };
  const view = (groups: RequestView['groups']): RequestView => ({
    ...{ id: 'r', state: 'stopped', count: 2, succeeded: 1, failed: 0, cancelled: 0, running: 0, held: 1 },
    ...{ skipped: 0, submittedAt: '', policy: {}, groups },
  });
  const isHaltedWith = (running: RequestView['groups'][number]['running'], held = 1) =>
    isHalted(view([{ ...group, state: 'stopped', held, running, ...(held > 0 && { waitsFor }) }]));
  expect(isHaltedWith([{ ...out, stage: 'check' }])).toBe(false);
  expect(isHaltedWith([{ ...out, stage: 'rollBack' }])).toBe(false);
  expect(isHaltedWith([{ ...out, stage: 'unhealthy' }])).toBe(true);
  expect(isHaltedWith([{ ...out, stage: 'unhealthy' }], 0)).toBe(true);
  expect(isHaltedWith([])).toBe(true);
  expect(isHaltedWith([], 0)).toBe(false);
});
