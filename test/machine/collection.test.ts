import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../lib/package-files.ts';
import { labs } from './support/lab.ts';

const start = labs();

const DONE = { ansible_job_id: 'j-1', started: 1, finished: 1, failed: false, rc: 0, state: 'succeeded' };
const UNKNOWN = {
  ...DONE,
  finished: 0,
  failed: true,
  rc: null,
  state: 'unknown',
  msg: 'There is no such job.',
};

/** A stub of the command, which a machine does not have. */
const COMMAND = `#!/bin/sh
case $* in
enqueue*) echo '{"line": 1, "id": "j-1"}' ;;
status*j-none*) echo '${JSON.stringify({ ...UNKNOWN, ansible_job_id: 'j-none' })}' ;;
status*) echo '${JSON.stringify({ ...DONE, stdout: 'fine', stderr: '', msg: '' })}' ;;
cancel*) echo '{"id": "j-1", "outcome": "ended"}' ;;
esac
`;

const BOOK = `
- name: Play
  hosts: localhost
  gather_facts: false
  tasks:
    - name: A job
      mayfly.fleet.job: {body: {picture: "{{ picture }}"}, async: 5}
      vars: {picture: 1.png}
    - name: A null body
      mayfly.fleet.job: {body: null}
      ignore_errors: true
    - name: An unknown job
      mayfly.fleet.job_status: {jid: j-none}
      register: job
      until: job.finished
      retries: 30
      ignore_errors: true
    - name: Cancel
      mayfly.fleet.job_status: {jid: j-1, mode: cancel}
`;

interface TaskResult {
  task: string;
  outcome: string;
  result: Record<string, unknown>;
}

test("the collection works with the ansible-core of the machine's release", async () => {
  const lab = await start();
  await cp(join(packageRoot, 'ansible/ansible_collections'), join(lab.shared, 'ansible_collections'), {
    recursive: true,
  });
  await cp(join(import.meta.dirname, '../ansible/collection/callback'), join(lab.shared, 'callback'), {
    recursive: true,
  });
  await mkdir(join(lab.shared, 'bin'));
  await writeFile(join(lab.shared, 'bin/mayfly'), COMMAND, { mode: 0o755 });
  await writeFile(join(lab.shared, 'play.yml'), BOOK);
  const [machine] = await lab.launch('true');
  if (!machine) throw new Error('nothing was launched');
  const power = await lab.booted(machine);
  const { stdout, stderr } = await power.run(
    ...['env', 'LC_ALL=C.UTF-8', 'HOME=/root', 'MAYFLY_COMMAND=/mnt/shared/bin/mayfly'],
    ...['ANSIBLE_COLLECTIONS_PATH=/mnt/shared', 'ANSIBLE_CALLBACK_PLUGINS=/mnt/shared/callback'],
    ...['ANSIBLE_STDOUT_CALLBACK=json_lines', 'ansible-playbook', '-i', 'localhost,', '/mnt/shared/play.yml'],
  );
  const results = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as TaskResult);
  const lines = stderr.split('\n');
  const without = (text: unknown) => String(text ?? '').replace('(traceback unavailable)', '');
  expect(lines).toContain('ASYNC SENT on localhost: jid=j-1');
  expect(lines).toContain('ASYNC OK on localhost: jid=j-1');
  for (const { result } of results) expect(without(result['exception'])).toBe('');
  expect(results.map(({ task, outcome, result }) => ({ task, outcome, ...result }))).toMatchObject([
    { task: 'A job', outcome: 'ok', changed: true, finished: true, rc: 0, stdout: 'fine' },
    { task: 'A null body', outcome: 'ignored', msg: expect.stringMatching(/^The option body is null/) },
    { task: 'An unknown job', outcome: 'ignored', finished: false, state: 'unknown' },
    { task: 'Cancel', outcome: 'ok', changed: false, state: 'succeeded' },
  ]);
});
