import { beforeEach, describe, expect, it } from 'vitest';
import { type FleetWithAgent, fleetsWithAgent } from '../../../support/fleet-with-agent.ts';

const open = fleetsWithAgent();
const json = (text: unknown) => JSON.parse(String(text));

let made = 0;
let all: FleetWithAgent;
let group: string;

/** The table is that of all tests: each has a group of its own. */
beforeEach(async () => {
  all = await open();
  made += 1;
  group = `shop/v${made}`;
});

const mayfly = (line: string) => all.mayfly(...line.split(' '));

describe('group set', () => {
  it('sets lanes and size, which hold from the next release on', async () => {
    await all.fleet.enqueue('x', { group });
    const { id } = await all.fleet.enqueue('x', { group });
    expect(await all.fleet.status(id)).toMatchObject({ state: 'held' });
    const { stdout, stderr, exitCode } = await mayfly(`group set ${group} --lanes 2`);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(
      new RegExp(`^${group}\n  ██  2 of 2 lanes taken\n  j-\\S+ for .* s\n  j-\\S+ for .* s$`),
    );
    expect(await all.fleet.status(id)).toMatchObject({ state: 'queued' });
    const percent = await mayfly(`group set ${group} --lanes 30% --size 10`);
    expect(percent.stdout).toContain('2 of 3 lanes taken, which are 30% of its size, 10\n');
    expect(json((await mayfly(`group set ${group} --size 4 --json`)).stdout)).toMatchObject({
      ...{ name: group, lanes: 1, setting: '30%', size: 4 },
    });
  });

  it.each<[words: string, status: number, message: RegExp]>([
    [
      '--lanes 0',
      2,
      /'0' is invalid\. Allowed is a whole number from 1 to 200, or a whole percentage from 1% to 100%\./,
    ],
    ['--lanes 101%', 2, /'101%' is invalid\./],
    ['--lanes 21', 2, /^mayfly: lanes is '21': allowed is a whole number from 1 to 20/],
    [
      '--lanes 10%',
      2,
      /^mayfly: The lanes of group \S+ are 10% of its size, which nobody has stated\. Give --size as well\.$/,
    ],
    ['--size 0', 2, /Allowed is a whole number from 1\./],
    ['', 2, /Give --lanes, --size or both\./],
  ])('refuses %j', async (words, status, message) => {
    const { stdout, stderr, exitCode } = await mayfly(`group set ${group} ${words}`.trim());
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: status });
    expect(stderr).toMatch(message);
    expect(await all.fleet.groups.show(group)).toMatchObject({ lanes: 1, setting: 1 });
  });
});

describe('group list and show', () => {
  it('have what has lanes and what is held', async () => {
    await all.fleet.enqueue('x', { group, target: 's1' });
    await all.fleet.enqueue('x', { group, target: 's2' });
    const targets = [{ target: `${group}.1`, body: 'x', index: 1 }];
    await all.fleet.request([{ name: group, size: 1, targets }], { id: `v-${made}` });
    const { stdout } = await mayfly(`group show ${group}`);
    expect(stdout.replace(/j-\w{12}/, 'JOB').replace(/[\d.]+ s$/m, 'AGE')).toBe(
      [
        group,
        '  █  1 of 1 lane taken, size 1',
        '  JOB on s1 for AGE',
        `  request v-${made}, open: 0 running, 1 held`,
        '  1 job without a request held',
      ].join('\n'),
    );
    const list = (await mayfly('group list')).stdout;
    expect(list).toMatch(/^group +lanes +running +held +requests +state\n/);
    expect(list).toMatch(new RegExp(`^${group} +1 +1 +2 +v-${made}$`, 'm'));
    expect(json((await mayfly('group list --json')).stdout)).toContainEqual(
      expect.objectContaining({ name: group, held: 2, plain: 1 }),
    );
    expect(json((await mayfly(`group show ${group} --json`)).stdout)).toMatchObject({
      running: [{ target: 's1' }],
    });
  });

  it('say that a percentage is of a size that nobody has stated', async () => {
    const { cloud } = all.bench;
    const Name = '/mayfly/Test/Fleet';
    const answer = await cloud.call('ssm', 'GetParameter', { Name });
    const facts = json((answer.Parameter as { Value: string }).Value);
    const Value = JSON.stringify({ ...facts, groups: { ...facts.groups, lanes: '25%' } });
    await cloud.call('ssm', 'PutParameter', { Name, Type: 'String', Value, Overwrite: true });
    expect((await mayfly(`group show ${group}`)).stdout).toBe(
      `${group}\n  ·  0 of 1 lane taken: 25% of its size, which nobody has stated, and at least one`,
    );
  });

  it('show a group that nobody has used as empty, and refuse a name that no group may have', async () => {
    const { stdout, exitCode } = await mayfly(`group show ${group}`);
    expect({ stdout, exitCode }).toEqual({ stdout: `${group}\n  ·  0 of 1 lane taken`, exitCode: 0 });
    const wrong = await mayfly('group show a/b/c');
    expect(wrong).toMatchObject({ stdout: '', exitCode: 2 });
    expect(wrong.stderr).toContain('There is no such group: the group is "a/b/c"; allowed is');
  });
});

describe('group pause and resume', () => {
  it('hold what is not released and say what goes on; can be repeated', async () => {
    await all.fleet.enqueue('x', { group });
    const text = `${group} is paused: 1 held, and none of them is released. 1 running, which go on. To resume: mayfly group resume ${group}`;
    await all.fleet.enqueue('x', { group });
    for (const _ of [1, 2]) {
      expect(await mayfly(`group pause ${group}`)).toMatchObject({ stdout: text, stderr: '', exitCode: 0 });
    }
    expect((await mayfly(`group show ${group}`)).stdout).toMatch(
      new RegExp(`^${group}  paused since \\S+Z\n  \`mayfly group resume ${group}\` ends the pause\n`),
    );
    expect((await mayfly('group list')).stdout).toMatch(new RegExp(`^${group} .* paused since \\S+Z$`, 'm'));
    const resumed = `${group} goes on: 1 running, 1 held.`;
    for (const _ of [1, 2]) expect((await mayfly(`group resume ${group}`)).stdout).toBe(resumed);
    expect(json((await mayfly(`group resume ${group} --json`)).stdout)).toMatchObject({
      name: group,
      held: 1,
    });
  });
});

describe('group free', () => {
  it.each<[what: string, status: number, message: RegExp]>([
    ['an unknown job', 120, /^mayfly: There is no job j-none in fleet Test\/Fleet/],
    ['a job without a group', 1, /^mayfly: Job j-\S+ has no group, so it has no lane\.$/],
    [
      'a job whose target is not unhealthy',
      1,
      /is not held for an unhealthy target: there is nothing to free\./,
    ],
  ])('refuses %s', async (what, status, message) => {
    let id = 'j-none';
    if (what === 'a job without a group') ({ id } = await all.fleet.enqueue('x'));
    else if (status === 1) ({ id } = await all.fleet.enqueue('x', { group }));
    const { stdout, stderr, exitCode } = await mayfly(`group free ${id}`);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: status });
    expect(stderr).toMatch(message);
  });
});

describe('jobs of a group', () => {
  it('that are enqueued are listed by their group, say why they are held, and can be waited for', async () => {
    const first = (await mayfly(`enqueue --group ${group} --target ${group}.1 one`)).stdout;
    const second = (await mayfly(`enqueue --group ${group} --target ${group}.2 two`)).stdout;
    const lane = new RegExp(`lane 1 of 1 of ${group} has ${first} on ${group}\\.1 for .* s$`, 'm');
    expect((await mayfly(`list --group ${group} --state held`)).stdout).toMatch(
      new RegExp(`^${second} .*held .*${lane.source}`, 'm'),
    );
    expect((await mayfly(`list --group ${group} --state queued`)).stdout).toMatch(
      new RegExp(`^${first} .*queued`, 'm'),
    );
    const { stdout } = await mayfly(`status ${second}`);
    expect(stdout).toMatch(new RegExp(`^${second}  held\n(.*\n)*  why it waits: ${lane.source}`, 'm'));
    expect(stdout).toContain(`\n  group ${group}\n  target ${group}.2`);
    expect(json((await mayfly(`status --json ${second}`)).stdout)).toMatchObject({
      ...{ state: 'held', group, target: `${group}.2`, waitsFor: { what: 'lanes' } },
    });
    await all.startAgent('exit 3');
    expect((await mayfly(`wait ${second}`)).exitCode).toBe(3);
    expect((await mayfly(`enqueue --group ${group} --poll 0.2 three`)).exitCode).toBe(3);
  });
});
