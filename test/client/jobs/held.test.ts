import { expect, test } from 'vitest';
import type { Fleet } from '../../../client/fleet.ts';
import type { RequestOptions } from '../../../client/index.ts';
import { requestJobId } from '../../../jobs/released.ts';
import { eventually } from '../../support/eventually.ts';
import { fleetsWithAgent } from '../../support/fleet-with-agent.ts';

const open = fleetsWithAgent();

const AGE = String.raw`\d+(\.\d+)? s`;
let made = 0;

/** Makes a request of one group with targets `s1`, `s2` and so on. */
async function request(fleet: Fleet, count: number, options: RequestOptions = {}, prefix = 's') {
  made += 1;
  const names = { id: `req-${made}`, group: `shop/g${made}` };
  const targets = Array.from({ length: count }, (_, at) => {
    const target = `${prefix}${made}.${at + 1}`;
    return { target, body: target, index: at + 1 };
  });
  await fleet.request([{ name: names.group, size: count, targets }], { id: names.id, ...options });
  const job = (number: number) => requestJobId(names.id, names.group, number);
  const why = async (number: number) => (await fleet.status(job(number), { waitsFor: true })).waitsFor;
  return { ...names, job, why, target: (number: number) => `${prefix}${made}.${number}` };
}

test('a held job says which job has its lane, on what and for how long, and how many are before it', async () => {
  const { fleet } = await open();
  const { group, job, why, target } = await request(fleet, 4);
  expect(await why(2)).toEqual({
    what: 'lanes',
    text: expect.stringMatching(
      new RegExp(`^lane 1 of 1 of ${group} has ${job(1)} on ${target(1)} for ${AGE}$`),
    ),
    since: expect.any(String),
  });
  expect((await why(4))?.text).toMatch(/; 2 jobs are before it$/);
  // The one that has the lane is queued.
  expect(await fleet.status(job(1), { waitsFor: true })).toMatchObject({ state: 'queued' });
});

test('of several lanes three are named', async () => {
  const { fleet } = await open();
  const first = await request(fleet, 1);
  await fleet.groups.set(first.group, { lanes: 5 });
  const targets = Array.from({ length: 6 }, (_one, at) => ({ target: `x${at}`, body: 'x', index: at + 1 }));
  await fleet.request([{ name: first.group, size: 6, targets }], { id: 'req-lanes' });
  const last = requestJobId('req-lanes', first.group, 5);
  const { waitsFor } = await fleet.status(last, { waitsFor: true });
  expect(waitsFor?.text).toMatch(
    new RegExp(
      `^lane 1 of 5 of ${first.group} has ${first.job(1)} on .* for ${AGE}, lane 2 of 5 has r-.* on x0 for ${AGE}, ` +
        `lane 3 of 5 has r-.* on x1 for ${AGE}, 2 more lanes are taken$`,
    ),
  );
  await fleet.groups.set(first.group, { lanes: 2 });
  expect((await fleet.status(last, { waitsFor: true })).waitsFor?.text).toMatch(
    new RegExp(`^${first.group} has 2 lanes, and more jobs are out: .*, 2 more$`),
  );
});

test('a list says it of all held jobs, and calls the released one queued', async () => {
  const { fleet } = await open();
  const { group, job } = await request(fleet, 3);
  const states = async (states: ('held' | 'queued')[]) =>
    (await fleet.list({ group, states })).map(({ id }) => id).toSorted();
  expect(await states(['held'])).toEqual([job(2), job(3)].toSorted());
  expect(await states(['queued'])).toEqual([job(1)]);
  const waits = (await fleet.list({ group })).map(({ waitsFor }) => waitsFor?.what);
  expect(waits.toSorted()).toEqual(['lanes', 'lanes', undefined]);
});

test.each<[string, RequestOptions, number, number, RegExp]>([
  ['its batch', { serial: [1, 2] }, 5, 4, /^batch 3 of 3 has not begun: 1 job of batch 1 has not ended$/],
  [
    'the throttle of its request',
    { throttle: 1 },
    4,
    2,
    /^request req-\d+ may have 1 job of shop\/g\d+ out at a time, and has r-.* on s\d+\.1 for .* s$/,
  ],
])('a held job names %s', async (_, options, count, number, text) => {
  const { fleet } = await open();
  await fleet.groups.set(`shop/g${made + 1}`, { lanes: 2 });
  const { why } = await request(fleet, count, options);
  expect((await why(number))?.text).toMatch(text);
});

test('a held job names its request and its group, if these are stopped or paused', async () => {
  const { fleet } = await open();
  const { group, id, why } = await request(fleet, 3);
  await fleet.groups.pause(group);
  const paused = new RegExp(
    `^group ${group} is paused since \\S+Z; \`mayfly group resume ${group}\` ends the pause$`,
  );
  expect(await why(2)).toMatchObject({ what: 'group', text: expect.stringMatching(paused) });
  expect((await fleet.requests.show(id)).groups[0]?.waitsFor?.text).toMatch(paused);
  await fleet.requests.pause(id);
  expect(await why(2)).toMatchObject({
    what: 'request',
    text: expect.stringMatching(
      new RegExp(
        `^request ${id} is paused since \\S+Z: somebody paused it; \`mayfly request resume ${id}\` goes on with it$`,
      ),
    ),
  });
});

test('a held job names the job that has its target', async () => {
  const { fleet } = await open();
  const first = await request(fleet, 1, {}, 'same');
  const target = first.target(1);
  const { id } = await fleet.enqueue('x', { group: 'shop/other', target });
  const waits = await eventually(
    'the wait',
    async () => (await fleet.status(id, { waitsFor: true })).waitsFor,
  );
  expect(waits).toMatchObject({
    what: 'target',
    text: expect.stringMatching(
      new RegExp(`^target ${target} is with ${first.job(1)} of ${first.group} for ${AGE}$`),
    ),
  });
  // The same of a request.
  const targets = [{ target, body: 'x', index: 1 }];
  await fleet.request([{ name: 'shop/third', size: 1, targets }], { id: 'req-target' });
  const { groups } = await fleet.requests.show('req-target');
  expect(groups[0]?.waitsFor?.text).toContain(`target ${target} is with ${first.job(1)}`);
});

test('a held job whose group cannot be read says so, and has its state', async () => {
  const { fleet, bench } = await open();
  const { job } = await request(fleet, 2);
  const [held] = await fleet.list({ states: ['held'] });
  expect(held?.id).toBe(job(2));
  bench.cloud.faults.add({
    service: 'dynamodb',
    action: 'BatchGetItem',
    when: (input) => JSON.stringify(input).includes('group#'),
    effect: { kind: 'error', code: 'AccessDeniedException', status: 400 },
  });
  expect(await fleet.status(job(2), { waitsFor: true })).toMatchObject({
    state: 'held',
    waitsFor: { what: 'unknown', text: expect.stringMatching(/^it is not known\. AWS does not let/) },
  });
});
