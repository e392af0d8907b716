import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { beforeEach, describe, expect, it } from 'vitest';
import { requestJobId, stageJobId } from '../../../../jobs/released.ts';
import { eventually } from '../../../support/eventually.ts';
import { type FleetWithAgent, fleetsWithAgent } from '../../../support/fleet-with-agent.ts';
import { onTerminal } from '../../../support/pty.ts';

const open = fleetsWithAgent();
const MAYFLY = `${process.execPath} ${process.cwd()}/bin/mayfly.js`;
const json = (text: unknown) => JSON.parse(String(text));

let made = 0;
let all: FleetWithAgent;
let group: string;
let id: string;

beforeEach(async () => {
  all = await open();
});

/** The table is that of all tests: from now on the names of a group and of a request are new. */
function names() {
  made += 1;
  group = `cli/g${made}`;
  id = `cli-${made}`;
  return { group, id };
}

/** The targets of the present test, one a line. */
const lines = (count: number) => Array.from({ length: count }, (_, at) => `t${made}.${at + 1}`).join('\n');
const target = (number: number) => `t${made}.${number}`;
const job = (number: number) => requestJobId(id, group, number);

const run = (count: number, ...args: string[]) =>
  all.mayflyReading(lines(count), 'request', 'run', '--targets', '-', '--group', group, '--id', id, ...args);

describe('request run', () => {
  it('makes a job for each target and prints the id; again it makes no second request', async () => {
    names();
    const { stdout, stderr, exitCode } = await run(
      3,
      '--label',
      'deploy',
      '--async',
      '60',
      '--body',
      'do {{ target }}',
    );
    expect({ stdout, stderr, exitCode }).toEqual({ stdout: id, stderr: '', exitCode: 0 });
    const jobs = await all.fleet.list({ requestId: id });
    expect(jobs.map(({ body }) => body).toSorted()).toEqual(
      [1, 2, 3].map((number) => `do ${target(number)}`),
    );
    expect(jobs[0]).toMatchObject({ label: 'deploy', limitSeconds: 60, group, count: 3 });
    const again = await run(3, '--label', 'deploy', '--async', '60', '--body', 'do {{ target }}', '--json');
    expect(json(again.stdout)).toEqual({ id, count: 3, resumed: true });
    expect(again.stderr).toBe(
      `mayfly: request ${id} was there, of the same targets: this command makes no second one.`,
    );
    expect(await all.fleet.list({ requestId: id })).toHaveLength(3);
  });

  it('draws an id if none is given', async () => {
    names();
    const { stdout } = await all.mayflyReading(
      lines(1),
      ...['request', 'run', '--targets', '-', '--group', group, '--json'],
    );
    expect(json(stdout)).toEqual({
      id: expect.stringMatching(/^req-[a-z0-9]{12}$/),
      count: 1,
      resumed: false,
    });
  });

  it('reads an inventory, with its groups, its limit and its sizes', async () => {
    names();
    const hostvars = Object.fromEntries(
      ['a', 'b', 'c'].map((name, at) => [
        `${id}-${name}`,
        { family: group.split('/')[0], tier: at < 2 ? id : 'db' },
      ]),
    );
    const inventory = { _meta: { hostvars }, all: { hosts: Object.keys(hostvars) } };
    const path = join(all.bench.directory, `${id}.json`);
    await writeFile(path, JSON.stringify(inventory));
    const words = ['--inventory', path, '--limit', `${id}-b`, '--group-by', 'family,tier', '--id', id];
    const { stdout, stderr } = await all.mayfly('request', 'run', ...words);
    expect({ stdout, stderr }).toEqual({ stdout: id, stderr: '' });
    expect((await all.fleet.requests.show(id)).groups).toMatchObject([
      { name: `cli/${id}`, count: 1, size: 2 },
    ]);
  });

  it('gives all options to the request', async () => {
    names();
    const words = [
      '--serial',
      '1,50%',
      '--throttle',
      '3',
      '--max-fail',
      '30%',
      '--pause-after',
      '1',
      '--tries',
      '2',
    ];
    const more = ['--healthy', 'healthy', '--on-failure', 'rollBack', '--settle', '4', '--check-limit', '50'];
    const { stderr } = await run(3, ...words, ...more, '--stops', 'group', '--size', '9');
    expect(stderr).toBe('');
    const request = await all.fleet.requests.show(id);
    expect(request.policy).toEqual({
      ...{ serial: [1, '50%'], throttle: 3, maxFail: '30%', pauseAfter: 1, healthy: 'healthy' },
      ...{ rollBack: 'rollBack', settleSeconds: 4, checkSeconds: 50, stops: 'group' },
    });
    expect(request.groups[0]?.size).toBe(9);
    expect((await all.fleet.records([job(1)])).get(job(1))?.maxAttempts).toBe(2);
    names();
    await run(1, '--keep-going');
    expect((await all.fleet.requests.show(id)).policy).toEqual({ keepGoing: true });
    names();
    await run(1, '--any-errors-fatal');
    expect((await all.fleet.requests.show(id)).policy).toEqual({ anyErrorsFatal: true });
  });
});

describe('request run --plan', () => {
  it('prints who runs when, in which batch and lane, and sends nothing', async () => {
    names();
    await all.fleet.groups.set(group, { lanes: '50%', size: 4 });
    const { stdout, stderr, exitCode } = await run(4, '--serial', '1,0', '--pause-after', '1', '--plan');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toBe(
      [
        '4 jobs in 1 group. Nothing was sent.',
        '  batches of 1, 0',
        '  each group waits for `mayfly request resume` after batch 1',
        '  the first failure stops all groups',
        '',
        `${group}: 4 of 4 targets, lanes: 2 (50% of 4), 2 at a time`,
        '  A serial of 0 means all targets that are left, as in Ansible.',
        '  A batch of 3 does not run all at once: 2 at a time.',
        'batch  turn  lane 1  lane 2  then',
        `1      1     ${target(1)}            pauses after it`,
        `2      1     ${target(2)}    ${target(3)}`,
        `2      2     ${target(4)}`,
      ].join('\n'),
    );
    await expect(all.fleet.requests.show(id)).rejects.toThrow('There is no request');
    const plan = json((await run(4, '--plan', '--json')).stdout);
    expect(plan).toMatchObject({
      count: 4,
      exists: false,
      groups: [{ name: group, lanes: 2, setting: '50%' }],
    });
    expect(plan.groups[0].batches[0].targets[3]).toEqual({ target: target(4), index: 4, lane: 2, turn: 2 });
  });

  it('says what is in the group already, and whether the request is there', async () => {
    names();
    await run(2);
    await all.fleet.groups.pause(group);
    const { stdout } = await run(2, '--plan');
    expect(stdout).toMatch(
      /^The request is there already, of the same targets: the command would make no second one\.\n/,
    );
    expect(stdout).toContain('\n  It has 1 job out and 1 held now, with which the request takes turns.\n');
    expect(stdout).toContain(`\n  It is paused: nothing runs before \`mayfly group resume ${group}\`.\n`);
    expect(stdout).not.toContain('Its size is');
    id = `${id}b`;
    expect((await run(1, '--plan')).stdout).toContain(
      '\n  Its size is 2 now. The request makes it 1, for all requests of the group.\n',
    );
  });
});

describe('what is refused by name, and stores nothing', () => {
  const file = (name: string, text: string) => writeFile(join(all.bench.directory, name), text);
  const hosts = (vars: Record<string, object>) =>
    JSON.stringify({ _meta: { hostvars: vars }, all: { hosts: Object.keys(vars) } });

  it.each<[what: string, files: Record<string, string>, words: string, status: number, message: RegExp]>([
    ['no targets', { f: '\n# nobody\n' }, '--targets f', 1, /^mayfly: f has no targets\.$/],
    [
      'a target twice',
      { f: 's1\ns2\ns1\n' },
      '--targets f',
      1,
      /^mayfly: Line 3 of f: s1 is there twice, first in line 1\.$/,
    ],
    [
      'a target under two names',
      { 'i.json': hosts({ s1: {}, s2: { ansible_host: 's1' } }) },
      '--inventory i.json',
      1,
      /s2 of i\.json has the address of s1 \(s1, port 22\), and both are in the same group/,
    ],
    [
      'a name that no target may have',
      { f: 's 1\n' },
      '--targets f',
      1,
      /^mayfly: Line 1 of f: the target is "s 1"; allowed is/,
    ],
    [
      'a limit that leaves nobody',
      { 'i.json': hosts({ s1: {} }) },
      '--inventory i.json --limit web',
      1,
      /The limit "web" leaves no host of i\.json\./,
    ],
    ['an inventory that does not parse', { 'i.json': '{"a": ' }, '--inventory i.json', 1, /i\.json/],
    ['a file that is not there', {}, '--targets none', 1, /^mayfly: none cannot be read \(ENOENT/],
    [
      'an unknown variable of a group',
      { 'i.json': hosts({ s1: {} }) },
      '--inventory i.json --group-by tier',
      1,
      /s1 of i\.json has no variable tier, which its group is made of/,
    ],
    [
      'an unknown variable of a body',
      { f: 's1\n' },
      '--targets f --body {{zone}}',
      1,
      /s1 has no variable zone, which the body needs/,
    ],
    [
      'a template that is not closed',
      { f: 's1\n' },
      '--targets f --body {{zone',
      2,
      /template has a \{\{ without \}\}/,
    ],
    [
      'a limit beyond maxLimit',
      { f: 's1\n' },
      '--targets f --async 99999',
      2,
      /The job's time limit is 99999 s/,
    ],
    [
      'a check that may not take so long',
      { f: 's1\n' },
      '--targets f --healthy healthy --check-limit 61',
      2,
      /--check-limit is 61; .* allows 1 to 60 s/,
    ],
    [
      'more tries than there may be',
      { f: 's1\n' },
      '--targets f --tries 1000001',
      2,
      /^mayfly: --tries is 1000001; allowed is a whole number from 1 to 1000000\.$/,
    ],
    [
      'a command that the fleet lacks',
      { f: 's1\n' },
      '--targets f --healthy http',
      2,
      /has no such command in its prop commands: it has healthy, rollBack/,
    ],
    [
      'a size below the number of targets',
      { f: 's1\ns2\n' },
      '--targets f --size 1',
      2,
      /The size of group all is 1; allowed is a whole number from 2/,
    ],
    [
      'one size for several groups',
      { f: '{"target": "s1", "group": "a"}\n{"target": "s2", "group": "b"}\n' },
      '--targets f --size 5',
      2,
      /^mayfly: --size is of one group; the targets are in 2\.$/,
    ],
    [
      'too many sizes of batches',
      { f: 's1\n' },
      `--targets f --serial ${Array.from({ length: 101 }, () => 1).join()}`,
      2,
      /--serial has 101 sizes; allowed are 100 at most, of which the last one repeats\.$/,
    ],
    [
      'a group that may not be',
      { f: 's1\n' },
      '--targets f --group a/b/c',
      2,
      /the group is "a\/b\/c"; allowed is/,
    ],
    ['an id that may not be', { f: 's1\n' }, '--targets f --id 7', 2, /The request's id is "7"/],
  ])('%s', async (_, files, words, status, message) => {
    names();
    for (const [name, text] of Object.entries(files)) await file(name, text);
    const before = (await all.fleet.requests.list({ ended: true, limit: 1000 })).length;
    const { stdout, stderr, exitCode } = await all.mayfly('request', 'run', ...words.split(' '));
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: status });
    expect(stderr).toMatch(message);
    expect(await all.fleet.requests.list({ ended: true, limit: 1000 })).toHaveLength(before);
  });

  it('other content under a used id', async () => {
    names();
    await run(2);
    const other = await run(2, '--throttle', '5');
    expect(other).toMatchObject({ stdout: '', exitCode: 1 });
    expect(other.stderr).toBe(
      `mayfly: There is a request ${id} with other targets, bodies or options. Nothing was changed. Use another id, or the same input to go on with that request.`,
    );
    expect((await run(2, '--throttle', '5', '--plan')).stderr).toBe(other.stderr);
  });
});

describe('request list, show, pause, resume and cancel', () => {
  it('follow a request through its states', async () => {
    names();
    await run(3, '--serial', '1,2');
    const list = await all.mayfly('request', 'list');
    expect(list.stdout).toMatch(
      new RegExp(
        `^request +submitted +progress +done +failed +running +held +groups +state\n(.*\n)*${id} +\\S+Z +█{4}·{8} +0 of 3 +0 +1 +2 +${group} +open`,
      ),
    );
    const { stdout } = await all.mayfly('request', 'show', id);
    expect(stdout.replace(/\d\d\d\d-\S+Z/g, 'TIME').replace(/[\d.]+ s$/m, 'AGE')).toBe(
      [
        `${id}  open`,
        '  3 jobs in 1 group, submitted TIME',
        '  batches of 1, 2',
        '  the first failure stops all groups',
        '',
        `${group}  1 lane, size 3`,
        '  ████████················  0 of 3 done, 1 running, 2 held, 0 failed, batch 1 of 2',
        `  ${job(1)} on ${target(1)} for AGE`,
        '  why the next one is held: batch 2 of 2 has not begun: 1 job of batch 1 has not ended',
      ].join('\n'),
    );
    const paused = await all.mayfly('request', 'pause', id);
    // What had not begun is held again.
    expect(paused.stdout).toMatch(
      new RegExp(
        `^${id} is paused: 0 running, 3 held\\. It is cancelled by itself at \\S+Z\\. To resume: mayfly request resume ${id}$`,
      ),
    );
    const shown = (await all.mayfly('request', 'show', id)).stdout;
    expect(shown).toMatch(new RegExp(`^${id}  paused since \\S+Z: somebody paused it\n`));
    expect(shown).toContain(`\n  \`mayfly request resume ${id}\` goes on\n`);
    expect(shown).toMatch(/\n {2}it is cancelled by itself at \S+Z\n/);
    expect((await all.mayfly('request', 'resume', id)).stdout).toBe(`${id} goes on: 1 running, 2 held.`);
    expect(json((await all.mayfly('request', 'pause', id, '--json')).stdout)).toMatchObject({
      id,
      state: 'paused',
    });
  });

  it('make what is held skipped, and say so afterwards', async () => {
    names();
    await run(3);
    await all.mayfly('request', 'pause', id);
    expect((await all.mayfly('request', 'cancel', id)).stdout).toBe(`${id} is cancelled: 3 jobs skipped.`);
    const again = await all.mayfly('request', 'resume', id);
    expect(again).toMatchObject({ stdout: '', exitCode: 1 });
    expect(again.stderr).toBe(`mayfly: Request ${id} cannot be resumed: it is cancelled.`);
    expect((await all.mayfly('request', 'list')).stdout).not.toContain(id);
    expect((await all.mayfly('request', 'list', '--ended', '--limit', '1000')).stdout).toMatch(
      new RegExp(`^${id} .* cancelled: somebody cancelled it$`, 'm'),
    );
    expect((await all.mayfly('status', job(2))).stdout).toMatch(
      new RegExp(`^${job(2)}  skipped: request ${id} was cancelled: somebody cancelled it\n`),
    );
    expect(await all.mayfly('request', 'retry', id)).toMatchObject({ exitCode: 1, stdout: '' });
    const repeated = await all.mayfly('request', 'retry', id, '--all', '--id', `${id}b`);
    expect(repeated).toMatchObject({ stdout: `${id}b`, stderr: '' });
    expect(await all.mayfly('request', 'retry', id, '--all', '--id', `${id}b`)).toMatchObject({
      stdout: `${id}b`,
      stderr: `mayfly: request ${id}b was there, of the same targets: this command makes no second one.`,
    });
    expect(await all.fleet.requests.show(`${id}b`)).toMatchObject({ count: 3, retryOf: id });
    await all.mayfly('request', 'cancel', `${id}b`);
  });

  it.each(['show', 'wait', 'pause', 'resume', 'cancel', 'retry'])(
    '%s of an unknown request exits with 120',
    async (verb) => {
      const { stdout, stderr, exitCode } = await all.mayfly('request', verb, 'cli-none');
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 120 });
      expect(stderr).toMatch(
        /^mayfly: There is no request cli-none in fleet Test\/Fleet: .* `mayfly request list --ended` shows all requests\.$/,
      );
    },
  );
});

const WORKER = 'case "$1" in *.2) exit 7;; hang*) until [ -e "$DIRECTORY/$1" ]; do sleep 0.1; done;; esac';

describe('a request whose jobs run', () => {
  it('is shown while it runs, stops at a failure, goes on, and exits as it ended', async () => {
    const { startAgent, mayfly } = all;
    await startAgent(WORKER, { commands: { healthy: ['true'], rollBack: ['true'] } });
    names();
    const stopped = await run(4, '--poll', '0.2');
    expect(stopped.exitCode).toBe(123);
    expect(stopped.stderr).toMatch(new RegExp(`mayfly: request ${id} has not ended\\.$`));
    expect(stopped.stdout).toMatch(
      new RegExp(`^${id}  stopped since \\S+Z: ${group}: 1 of the 4 jobs of batch 1 failed\n`),
    );
    expect(stopped.stdout).toContain(
      `\n  \`mayfly request retry ${id}\` repeats what failed, as a new request\n`,
    );
    expect(stopped.stdout).toContain('1 of 4 done, 0 running, 2 held, 1 failed\n');
    expect(stopped.stdout).not.toContain('why the next one is held');
    expect(stopped.stdout).toMatch(
      new RegExp(
        `\n\nfailed +target +what +state +why\n${job(2)} +${target(2)} +job +failed +exit status 7.*$`,
      ),
    );
    expect((await mayfly('status', job(3))).stdout).toContain(
      `\n  why it waits: request ${id} is stopped since `,
    );
    // It has stopped: a pause takes nothing away from that.
    expect((await mayfly('request', 'pause', id)).stdout).toBe(
      `${id} is stopped already (${group}: 1 of the 4 jobs of batch 1 failed): 0 running, 2 held. It stays so until it is resumed.`,
    );
    expect((await all.fleet.requests.show(id)).state).toBe('stopped');
    await mayfly('request', 'resume', id);
    const ended = await mayfly('request', 'wait', id, '--poll', '0.2', '--json');
    expect(ended.exitCode).toBe(1);
    expect(json(ended.stdout)).toMatchObject({
      ...{ id, state: 'ended', succeeded: 3, failed: 1 },
      failedJobs: [{ id: job(2), target: target(2), exitStatus: 7 }],
    });
    const { stdout: again } = await mayfly('request', 'retry', id);
    expect((await mayfly('request', 'wait', again, '--poll', '0.2')).exitCode).toBe(1);
    expect(await all.fleet.requests.show(again)).toMatchObject({ retryOf: id, count: 1, failed: 1 });
    expect((await mayfly('request', 'show', again)).stdout).toContain(`retry of ${id}`);
    const { stdout: old } = await mayfly('request', 'show', id);
    expect(old).toContain(`retried as ${again}`);
    expect(old).not.toContain('request retry');
    expect(json((await mayfly('request', 'show', id, '--json')).stdout)).toMatchObject({ retriedAs: again });
  });

  it('is shown, with its exit status, to who may make requests and may not list jobs', async () => {
    names();
    const { startAgent, mayfly, bench } = all;
    const effect = {
      kind: 'error',
      code: 'AccessDeniedException',
      message: 'not granted',
      status: 400,
    } as const;
    const fault = bench.cloud.faults.add({
      service: 'dynamodb',
      action: ['Query', 'Scan'],
      caller: 'owner',
      effect,
    });
    await startAgent(WORKER);
    const stopped = await run(3, '--poll', '0.2');
    expect(stopped.exitCode).toBe(123);
    expect(stopped.stdout).toMatch(new RegExp(`^${id}  stopped since `));
    expect(stopped.stderr).toMatch(
      /^mayfly: the failed jobs cannot be listed\. AWS does not let these credentials use /m,
    );
    const shown = json((await mayfly('request', 'show', id, '--json')).stdout);
    expect(shown).toMatchObject({ id, state: 'stopped', failed: 1 });
    expect(shown).not.toHaveProperty('failedJobs');
    fault.remove();
  });

  it('exits with 0 if all succeeded, and with 122 if it was cancelled', async () => {
    names();
    await all.startAgent(WORKER, { commands: { healthy: ['true'] } });
    expect((await run(1, '--healthy', 'healthy', '--poll', '0.2')).exitCode).toBe(0);
    names();
    await run(2, '--body', `hang${made}`);
    const given = await all.mayfly('request', 'wait', id, '--timeout', '0', '--progress', 'json', '--json');
    expect(given.exitCode).toBe(123);
    const [progress, why] = given.stderr.split('\n');
    expect(json(progress)).toEqual({
      ...{
        waitedSeconds: expect.any(Number),
        state: 'open',
        total: 2,
        succeeded: 0,
        failed: 0,
        cancelled: 0,
      },
      ...{ running: 1, held: 1 },
    });
    expect(why).toBe(`mayfly: request ${id} has not ended.`);
    expect(json(given.stdout)).toMatchObject({ id, state: 'open' });
    await eventually('the worker', async () => (await all.fleet.status(job(1))).state === 'running');
    const cancelled = await all.mayfly('request', 'cancel', id, '--now');
    expect(cancelled.stdout).toMatch(new RegExp(`^${id} is cancelled: 1 job skipped\\.`));
    expect((await all.mayfly('request', 'wait', id, '--poll', '0.2')).exitCode).toBe(122);
    expect((await all.fleet.status(job(1))).state).toBe('cancelled');
  });

  it('says what a target is at after its job, and what to do if it stays unhealthy', async () => {
    names();
    const fleet = all;
    await fleet.startAgent('exit 3', {
      commands: {
        healthy: ['sh', '-c', 'until [ -e "$DIRECTORY/up" ]; do sleep 0.1; done'],
        rollBack: ['true'],
      },
    });
    await run(2, '--healthy', 'healthy', '--on-failure', 'rollBack');
    const checked = await eventually('the check', async () => {
      const { stdout } = await fleet.mayfly('request', 'show', id);
      return stdout.includes('the health check') ? stdout : undefined;
    });
    expect(checked).toMatch(
      new RegExp(
        `\n  ${job(1)} on ${target(1)} for .* s, the health check ${stageJobId(job(1), 'check')} of its target runs\n`,
      ),
    );
    expect(checked).toContain('0 running, 1 being checked, 1 held, 1 failed');
    const check = stageJobId(job(1), 'check');
    await eventually('the check', async () => (await fleet.fleet.status(check)).state === 'running');
    expect((await fleet.mayfly('status', check)).stdout).toContain(
      `\n  health check healthy, after job ${job(1)}\n`,
    );
    await fleet.fleet.cancel([check], { wait: true, timeoutSeconds: 20 });
    const waited = await fleet.mayfly('request', 'wait', id, '--poll', '0.2');
    expect(waited.exitCode).toBe(123);
    expect(waited.stdout).toContain(`\n  ${job(1)} on ${target(1)} for `);
    expect(waited.stdout).toContain(', its target is not healthy\n');
    const shown = (await fleet.mayfly('group', 'show', group)).stdout;
    expect(shown).toMatch(
      new RegExp(`^${group}  stopped since \\S+Z: job ${job(1)}: the check of its target failed\n`),
    );
    expect(shown).toContain(
      `\n  look at the target, then: \`mayfly group free ${job(1)}\` frees its lane, \`mayfly group resume ${group}\` all such lanes\n`,
    );
    expect((await fleet.mayfly('group', 'list')).stdout).toMatch(
      new RegExp(`^${group} +1 +1 +1 +${id} \\(stopped\\) +stopped since `, 'm'),
    );
    expect((await fleet.mayfly('request', 'resume', id)).stdout).toMatch(
      new RegExp(
        `^${id} is resumed, but nothing of it runs before a person acts: group ${group} is stopped since .*` +
          `\`mayfly group show ${group}\` says what to do\\. 0 running, 1 held\\.$`,
      ),
    );
    const { stdout } = await fleet.mayfly('complete-words', '--timeout', '20', '--', 'group', 'free', 'r-');
    expect(stdout).toBe(`${job(1)}\t${target(1)} of ${group}`);
    const freed = await fleet.mayfly('group', 'free', job(1));
    expect(freed.stdout).toBe(`The lane of ${job(1)} is free. ${group} goes on.`);
    const twice = await fleet.mayfly('group', 'free', job(1));
    expect(twice).toMatchObject({ exitCode: 1, stdout: '' });
    expect(twice.stderr).toMatch(/is not held for an unhealthy target: there is nothing to free\./);
  });
});

describe('the progress of a request', () => {
  it('is drawn on a terminal, with a bar for each group, and removed at the end; Ctrl-C ends only the waiting', async () => {
    names();
    const fleet = all;
    await writeFile(join(fleet.bench.directory, 'targets'), lines(3));
    const line = `${MAYFLY} request run --targets targets --group ${group} --id ${id} --poll 0.2`;
    const pty = onTerminal(line, { cwd: fleet.bench.directory, env: fleet.env, columns: 100 });
    await pty.shows(new RegExp(`${group}.*█+.*·+.*0 of 3 done, 1 running, 2 held, 0 failed`));
    pty.type('\x03');
    expect(await pty.ended()).toBe(130);
    const text = stripVTControlCharacters(pty.screen()).replaceAll('\r', '').replace(/\s+/g, ' ');
    expect(text).toContain(
      `mayfly: Request ${id} goes on: only the waiting was stopped. \`mayfly request show ${id}\``,
    );
    expect(await fleet.fleet.requests.show(id)).toMatchObject({ state: 'open' });
  });
});
