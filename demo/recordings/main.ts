/**
 * `npm run recordings [-- doctor | waiting | rolling]`: records terminal sessions on the embedded cloud, into `docs/recordings`.
 * Needs the AWS CLI and jq, and takes some minutes.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { Fleet } from '../../client/fleet.ts';
import { startCloud } from '../../local/cloud.ts';
import { operatorEnvironment } from '../clients.ts';
import { deploy } from '../deploy.ts';
import { drawSession } from '../session/draw.ts';
import { STACK_NAME } from '../session/fleet.ts';
import { type Line, recordSession } from '../session/play.ts';
import { linkPrograms } from '../session/programs.ts';
import type { Step } from '../session/script.ts';
import { missingSteps, ROLLING } from './rolling.ts';
import { DAMAGES, DOCTOR, missingReasons, WAITING } from './script.ts';
import { toRows, toText } from './text.ts';

const ROOT = join(import.meta.dirname, '../..');
const APP = { file: 'demo/recordings/app.ts', stack: STACK_NAME };
const COLUMNS = 118;
const LONGEST_MS = 900_000;

/** Version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for SQS, so the wrapper passes a flag. */
const AWS_CLI = `#!/bin/sh
PATH="\${PATH#*:}" exec aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"
`;

interface Setting {
  speed: number;
  /** Of the app and of the commands. */
  environment?: Record<string, string>;
  /** Default: the app of the recordings. */
  app?: { file: string; stack: string };
  /** Where the commands are typed. Default: a directory of the recording. */
  cwd?: string;
}

/** Runs a script on a new fleet, and records it. */
async function record(
  steps: (fleet: Fleet) => readonly Step[],
  { speed, environment = {}, app = APP, cwd }: Setting,
): Promise<Line[]> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-recording-'));
  const cloud = await startCloud({ directory, speed });
  try {
    await deploy({ access: cloud, directory, environment, signal: AbortSignal.timeout(LONGEST_MS), app });
    const own = operatorEnvironment(cloud);
    // The library finds the embedded cloud by these variables.
    Object.assign(process.env, own);
    const fleet = await Fleet.find({ stack: app.stack });
    while ((await fleet.describe()).keeper.ranAt === undefined) await delay(500);
    const programs = await linkPrograms(directory);
    await writeFile(join(programs, 'aws'), AWS_CLI, { mode: 0o755 });
    const PATH = [programs, own['PATH']].join(delimiter);
    const shell = { ...own, ...namesOf(fleet), ...environment, PATH, MAYFLY_STACK: app.stack };
    const lines = await recordSession(steps(fleet).map(announced), shell, cwd ?? directory);
    fleet.close();
    return lines;
  } finally {
    await cloud.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Prints the comment of a step before it waits. */
function announced(step: Step): Step {
  return {
    ...step,
    async before(id) {
      console.log(step.comment);
      await step.before?.(id);
    },
  };
}

/** Variables for the commands of the AWS CLI. */
function namesOf({ facts }: Fleet): Record<string, string> {
  return {
    GROUP: facts.group,
    QUEUE: facts.queueUrl,
    DEAD_LETTERS: facts.deadLetterQueueUrl ?? '',
    POLICY: facts.policyArn?.split('policyName/')[1] ?? '',
    LAUNCH_HOOK: facts.launchHook ?? '',
    TERMINATION_HOOK: facts.terminationHook ?? '',
    ALARM: facts.backlogAlarm ?? '',
  };
}

/** Steps that wait until the last job waits for what the step shows. */
function waitingSteps(fleet: Fleet): Step[] {
  return WAITING.map(({ when, ...step }) => ({
    ...step,
    ...(when && {
      async before(id: string) {
        for (;;) {
          const { waitsFor, finished } = await fleet.status(id, { waitsFor: true });
          if (waitsFor?.what === when) return;
          if (finished) throw new Error(`${id} has ended without waiting for: ${when}`);
          await delay(200);
        }
      },
    }),
  }));
}

/** Steps that show the group in the middle of a batch. */
function rollingSteps(fleet: Fleet): Step[] {
  const when = async () => {
    while ((await fleet.groups.show('shop/web')).running.length < 4) await delay(200);
  };
  return ROLLING.map((step) => (step.meanwhile ? { ...step, meanwhile: { ...step.meanwhile, when } } : step));
}

async function write(name: string, title: string, lines: readonly Line[]): Promise<void> {
  const directory = join(ROOT, 'docs/recordings');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${name}.txt`), toText(lines));
  await writeFile(join(directory, `${name}.svg`), `${drawSession(toRows(lines, COLUMNS), COLUMNS, title)}\n`);
}

/** Runs the servers of `examples/rolling` meanwhile. */
async function withServers<T>(use: (shop: string) => Promise<T>): Promise<T> {
  const shop = await mkdtemp(join(tmpdir(), 'mayfly-shop-'));
  const servers = (verb: string) =>
    execa(process.execPath, ['examples/rolling/servers.mjs', verb], { cwd: ROOT, env: { SHOP: shop } });
  try {
    await servers('start');
    return await use(shop);
  } finally {
    await servers('stop');
    await rm(shop, { recursive: true, force: true });
  }
}

const RECORDINGS: Record<string, () => Promise<void>> = {
  async doctor() {
    const lines = await record(() => DOCTOR, { speed: 60 });
    const text = toText(lines);
    const printed = toText(lines.filter(({ kind }) => kind === 'printed'));
    const missing = DAMAGES.filter(({ finding }) => !printed.includes(finding)).map(({ comment }) => comment);
    if (!text.endsWith('All is well.\n')) missing.push('the repair');
    if (missing.length > 0) throw new Error(`${text}Missing: ${missing.join(', ')}`);
    const title = 'A terminal: ten kinds of damage, what mayfly doctor says of them, and the repair';
    await write('doctor', title, lines);
  },
  async waiting() {
    // Slow enough to run a command while an instance launches.
    const lines = await record(waitingSteps, { speed: 20, environment: { MAX_CAPACITY: '1' } });
    const missing = missingReasons(toText(lines));
    if (missing.length > 0) throw new Error(`${toText(lines)}Missing: ${missing.join(', ')}`);
    await write('waiting', 'A terminal: jobs that wait, and what mayfly status says of why they do', lines);
  },
  async rolling() {
    const app = { file: 'examples/rolling/app.ts', stack: 'Rolling' };
    const lines = await withServers((SHOP) =>
      record(rollingSteps, { speed: 60, environment: { SHOP }, app, cwd: ROOT }),
    );
    const missing = missingSteps(toText(lines));
    if (missing.length > 0) throw new Error(`${toText(lines)}Missing: ${missing.join(', ')}`);
    const title = 'A terminal: a rolling restart of 24 servers that a failure stops, and how it goes on';
    await write('rolling', title, lines);
  },
};

const [, , only] = process.argv;
for (const [name, make] of Object.entries(RECORDINGS)) if (only === undefined || only === name) await make();
