import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { BatchSize } from '../../../policy/groups/batches.ts';
import { ansibleEnvironment, type PlayResult, runPlays } from '../collection/playbook.ts';
import type { Scenario } from './scenario.ts';
import { type BatchRun, hostName } from './simulate.ts';

export const ANSIBLE_MISSING = 'needs ansible-playbook (Debian: the package ansible-core)';

export function lacksAnsible(): boolean {
  const env = ansibleEnvironment(tmpdir());
  return spawnSync('ansible-playbook', ['--version'], { env }).error !== undefined;
}

const PLAY = { hosts: 'targets', gather_facts: false };

/** The batches that Ansible makes of so many hosts. All are asked of one playbook, with a play for each. */
export async function ansibleBatches(splits: [count: number, serial: BatchSize[]][]): Promise<number[][]> {
  const most = Math.max(...splits.map(([count]) => count));
  const inventory = Object.fromEntries(Array.from({ length: most }, (_, index) => [hostName(index), {}]));
  const plays = splits.map(([count, serial], index) => ({
    ...{ ...PLAY, hosts: `targets[0:${count - 1}]`, serial },
    tasks: [
      { name: `split ${index}`, 'ansible.builtin.debug': { var: 'ansible_play_batch' }, run_once: true },
    ],
  }));
  const { status, told, output } = await played(inventory, plays);
  if (status !== 0) throw new Error(`ansible-playbook exited with ${status}:\n${output}`);
  return splits.map((_, index) =>
    told
      .filter(({ task }) => task === `split ${index}`)
      .map(({ result }) => (result['ansible_play_batch'] as string[]).length),
  );
}

/** What Ansible runs: each task that runs on a host appends a line to the witness. */
export async function ansibleRuns(scenario: Scenario): Promise<{ batches: BatchRun[]; output: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-witness-'));
  try {
    const witness = join(directory, 'witness');
    const inventory = Object.fromEntries(
      scenario.hosts.map((fates, index) => [hostName(index), { fates, witness }]),
    );
    const { output } = await played(inventory, [playOf(scenario)]);
    return { batches: batchesIn(await readFile(witness, 'utf8')), output };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function playOf({ serial, maxFail, anyErrorsFatal }: Scenario): object {
  const shell = (words: string) => ({ 'ansible.builtin.raw': words });
  const local = { ansible_connection: 'local' };
  const batch = {
    ...{ name: 'Batch', run_once: true, vars: local },
    ...shell(`echo 'batch {{ ansible_play_batch | join(" ") }}' >> {{ witness }}`),
  };
  const task = (number: number) => ({
    ...{ name: `Task ${number}` },
    ...shell(`echo '${number} {{ inventory_hostname }}' >> {{ witness }}; [ {{ fates[${number}] }} = ok ]`),
    vars: { ansible_connection: `{{ 'unreachable' if fates[${number}] == 'unreachable' else 'local' }}` },
  });
  return {
    ...{ ...PLAY, serial, any_errors_fatal: anyErrorsFatal },
    ...(maxFail !== undefined && { max_fail_percentage: maxFail }),
    tasks: [batch, task(0), task(1)],
  };
}

/** The hosts of a batch run a task in any order. */
function batchesIn(witness: string): BatchRun[] {
  const batches: BatchRun[] = [];
  for (const line of witness.split('\n').filter(Boolean)) {
    const [what, ...hosts] = line.split(' ');
    if (what === 'batch') batches.push({ hosts, tasks: [[], []] });
    else batches.at(-1)?.tasks[what === '0' ? 0 : 1].push(...hosts);
  }
  return batches.map(({ hosts, tasks: [first, second] }) => ({
    hosts,
    tasks: [first.sort(), second.sort()],
  }));
}

async function played(inventory: object, plays: object[]): Promise<PlayResult> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-inventory-'));
  try {
    const file = join(directory, 'inventory.yml');
    await writeFile(file, stringify({ targets: { hosts: inventory } }));
    const env = {
      ANSIBLE_CONNECTION_PLUGINS: join(import.meta.dirname, 'connection'),
      // After each batch Ansible sleeps for this time if a worker process has not ended yet.
      ANSIBLE_WORKER_SHUTDOWN_POLL_DELAY: '0.01',
    };
    return await runPlays(plays, { env, words: ['-i', file], longestMs: 110_000 });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
