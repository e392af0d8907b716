import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { missingForCgroups, missingForSlots } from '../../bench/setup/slot-sockets.ts';
import { eventually } from '../support/eventually.ts';
import { outputOf, useSlotBenches } from '../support/runner-kinds.ts';

// What holds for every runner is tested in test/agent/runner/job-files.test.ts.

const openShop = useSlotBenches();

const task = (argument: string, files: Record<string, string> = {}) => ({
  stdin: '',
  argument,
  variables: {},
  files,
});

/** What a worker has written to a file, when it is there. */
const noted = (file: string) =>
  eventually('a note', async () => (await readFile(file, 'utf8').catch(() => '')).trim() || undefined);

describe('the files of a job', () => {
  beforeEach(({ skip }) => skip(missingForSlots() !== undefined, missingForSlots()));

  test('are gone as soon as its processes are, also while its output is still read', async () => {
    const shop = await openShop();
    const runner = await shop.runnerOf(['sh', '-c']);
    const read = Promise.withResolvers<void>();
    const run = runner.start({
      ...task('echo "$KEY" > path; head -c 1000000 /dev/zero; echo > over', { KEY: 'secret' }),
      output: { write: () => read.promise },
    });
    const path = await noted(join(shop.directory, 'path'));
    expect(existsSync(path)).toBe(true);
    run.stop(0);
    await eventually('the files to be gone', () => !existsSync(dirname(path)));
    read.resolve();
    expect(await run.ended).toMatchObject({ kind: 'signalled', stopped: true });
  });

  test('that cannot be created end it before it begins, with the reason', async () => {
    const shop = await openShop({ slotOptions: ['--files', '/nowhere/files'], cgroups: 'none' });
    const runner = await shop.runnerOf(['sh', '-c']);
    expect(await runner.start(task('', { KEY: 'secret' })).ended).toEqual({
      kind: 'not-started',
      reason: "the job's files in /nowhere/files cannot be created: ENOENT, No such file or directory",
    });
  });

  test('are removed by the next slot, if theirs was killed', async () => {
    const shop = await openShop();
    const runner = await shop.runnerOf(['sh', '-c']);
    const run = runner.start(task('echo "$KEY" > path; kill -9 $PPID; sleep 600', { KEY: 'secret' }));
    const path = await noted(join(shop.directory, 'path'));
    expect((await run.ended).kind).toBe('lost');
    expect(await outputOf(runner.start(task(`ls -A ${dirname(path)}; ls ${path}; echo over`)))).toMatch(
      /^ls: .*No such file.*\nover\n$/,
    );
  });
});

describe('two slots', () => {
  beforeEach(({ skip }) => skip(missingForCgroups() !== undefined, missingForCgroups()));

  test('have files of their own, which the user of the other cannot read', async () => {
    const shop = await openShop();
    const runner = await shop.runnerOf(['sh', '-c'], { slots: 2 });
    const owner = runner.start(task('echo "$KEY" > path; exec sleep 600', { KEY: 'secret' }));
    const path = await noted(join(shop.directory, 'path'));
    const attempts = `exec 2>&1; cat ${path}; ls ${dirname(path)}; echo x > ${dirname(path)}/MAYFLY_RESULT`;
    const output = await outputOf(runner.start(task(`${attempts}; cat "$KEY"`, { KEY: 'its own' })));
    expect(output.match(/Permission denied/g)).toHaveLength(3);
    expect(output).toMatch(/its own$/);
    owner.stop(0);
    expect(await owner.ended).not.toHaveProperty('result');
  });
});

/** Starts a slot as its unit does: with a /dev/shm of its own, in memory, and as a user without privileges. */
const AS_UNIT = `#!/bin/sh
exec unshare --mount sh -c 'mount -t tmpfs -o mode=1777 own /dev/shm && exec setpriv --reuid=60700 --regid=65534 \\
  --clear-groups --inh-caps=-all /usr/bin/python3 "$@"' slot "$@"
`;

describe('a slot with a /dev/shm of its own', () => {
  beforeEach(({ skip }) => skip(missingForCgroups() !== undefined, missingForCgroups()));

  test('has the files of a job there, in memory, and nothing of them is left if it is killed', async () => {
    const program = join((await openShop()).directory, 'as-unit');
    await writeFile(program, AS_UNIT, { mode: 0o755 });
    const shop = await openShop({
      python: program,
      cgroups: 'none',
      noDefaults: true,
      slotOptions: ['--any-network', '--any-cgroup', '--scratch', '/dev/shm'],
    });
    const runner = await shop.runnerOf(['sh', '-c']);
    const script =
      'echo $KEY $MAYFLY_RESULT; stat -f -c %T $KEY; stat -c %u:%a $KEY; cat $KEY; ls -A /dev/shm';
    const expected = `/dev/shm/mayfly/KEY /dev/shm/mayfly/MAYFLY_RESULT\ntmpfs\n60700:400\nsecret\nmayfly\n`;
    expect(await outputOf(runner.start(task(script, { KEY: 'secret\n' })))).toBe(expected);
    expect(await outputOf(runner.start(task('ls -A /dev/shm/mayfly')))).toBe('');
    const lost = runner.start(task('echo "$KEY" > path; kill -9 $PPID; sleep 600', { KEY: 'secret' }));
    const path = await noted(join(shop.directory, 'path'));
    expect((await lost.ended).kind).toBe('lost');
    expect(existsSync(path)).toBe(false);
    expect(await readdir('/dev/shm')).not.toContain('mayfly');
    expect(await outputOf(runner.start(task(script, { KEY: 'secret\n' })))).toBe(expected);
  });
});
