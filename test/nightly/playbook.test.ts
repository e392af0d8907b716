import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { operatorEnvironment } from '../../demo/clients.ts';
import { type PlayResult, play } from '../ansible/collection/playbook.ts';
import { startFleet, type TestFleet } from '../support/fleet.ts';

const JOBS = 300;

let fleet: TestFleet;
let played: PlayResult;

beforeAll(async () => {
  const worker = {
    command: ['./run'],
    workerDirectory: join(import.meta.dirname, '../ansible/collection/worker'),
  };
  fleet = await startFleet({ ...worker, concurrency: 4, maxCapacity: 2 });
  const items = Array.from({ length: JOBS }, (_, at) => `echo job-${at}`);
  const send = { 'mayfly.fleet.job': { body: '{{ item }}', poll: 0 }, loop: items, register: 'sent' };
  const jids = "{{ sent.results | map(attribute='ansible_job_id') }}";
  const tasks = [
    { name: 'Send', ...send },
    { name: 'Collect', 'mayfly.fleet.job_wait': { jids, poll: 1 } },
  ];
  const environment = operatorEnvironment(fleet.cloud);
  played = await play(tasks, { env: environment, longestMs: 1_200_000 });
}, 1_300_000);
afterAll(() => fleet?.close());

test('a playbook loops over hundreds of jobs, and collects the output of each', () => {
  const { jobs = [], states } = played.of('Collect').result;
  expect(states, played.output).toEqual({ succeeded: JOBS });
  expect(jobs.map(({ stdout }) => stdout)).toEqual(jobs.map((_, at) => `job-${at}`));
});
