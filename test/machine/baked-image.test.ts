import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { runTestPhase, waitForBoot } from '../../bench/boot/bake.ts';
import { type BootCloud, openBootCloud, PROPS } from '../../bench/boot/boot-cloud.ts';
import { activeSinceMs, type JournalEntry, readJournal } from '../../bench/boot/journal.ts';
import { missingForMachines } from '../../local/machines/requirements.ts';
import { type Synthesised, synthesise } from '../support/deploy.ts';
import { eventually } from '../support/eventually.ts';
import { WORKER_DIRECTORY } from '../support/fleet.ts';
import { bakedImage } from './support/baked.ts';

const missing = missingForMachines();
const directory = mkdtempSync(join(tmpdir(), 'mayfly-baked-'));
let root: string;
let deployed: Synthesised;
let site: BootCloud | undefined;

beforeAll(async () => {
  if (missing) return;
  root = await bakedImage();
  const command = ['sh', '-c', 'echo the worker of the image'];
  deployed = synthesise({ ...PROPS, command, workerDirectory: WORKER_DIRECTORY });
});
beforeEach(({ skip }) => {
  if (missing) skip(missing);
});
afterEach(async () => {
  await site?.close();
  site = undefined;
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function fleetOfAnotherTree(): Synthesised {
  writeFileSync(join(directory, 'print'), '#!/bin/sh\necho the worker that was deployed\n');
  chmodSync(join(directory, 'print'), 0o755);
  return synthesise({ ...PROPS, command: ['./print'], workerDirectory: directory });
}

async function siteOf(fleet: Synthesised): Promise<BootCloud> {
  site = await openBootCloud({ root }, fleet, console.error, inject('release'));
  return site;
}

/** When the boot script printed its first line. */
const userDataAtMs = (journal: readonly JournalEntry[]): number =>
  journal.find(({ message }) => message.startsWith('mayfly-boot: '))?.atMs ?? Number.NaN;

/** Waits for the last line of the boot script. */
async function setUp(journalDirectory: string): Promise<JournalEntry[]> {
  return eventually(
    'the end of the boot',
    async () => {
      const journal = await readJournal(journalDirectory);
      return journal.some(({ message }) => message === 'mayfly-boot: the agent is set up') && journal;
    },
    120_000,
  );
}

describe("an image that was baked with the permissions and the steps of EC2 Image Builder's component", () => {
  test('passes its test phase on a machine without user-data, and starts no agent there', async () => {
    const here = await siteOf(deployed);
    const { machine } = await waitForBoot(await here.launchBare());
    await runTestPhase(machine, await here.treeJson());
    const { stdout } = await machine.run(
      'systemctl',
      'is-active',
      'mayfly-agent.service',
      'mayfly-deadman.timer',
    );
    expect(stdout).toBe('inactive\ninactive\n');
  });

  test('starts the agent before user-data, and the playbook changes nothing, not even a stopped agent', async () => {
    const { launch, done } = await (await siteOf(deployed)).launchForJob();
    const { machine } = launch;
    expect((await done).output).toBe('the worker of the image\n');
    await machine.run('systemctl', 'stop', 'mayfly-agent.service');
    const journal = await setUp(machine.journal);
    expect(activeSinceMs(journal, 'mayfly-agent.service')).toBeLessThan(userDataAtMs(journal));
    expect(journal.map(({ message }) => message)).toContainEqual(expect.stringMatching(/ok=\d+ +changed=0 /));
    const { stdout } = await machine.run('systemctl', 'is-active', 'mayfly-agent.service');
    expect(stdout).toBe('inactive\n');
  });

  test('of another tree does not start the agent of that tree, and is updated to the deployed one', async () => {
    const here = await siteOf(fleetOfAnotherTree());
    const { launch, done } = await here.launchForJob();
    expect((await done).output).toBe('the worker that was deployed\n');
    const journal = await setUp(launch.machine.journal);
    expect(activeSinceMs(journal, 'mayfly-agent.service')).toBeGreaterThan(userDataAtMs(journal));
  });
});
