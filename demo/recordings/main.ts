/**
 * `npm run recordings [-- doctor | waiting]`: records two terminal sessions on the embedded cloud, into `docs/recordings`.
 * Needs the AWS CLI and jq, and takes some minutes.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Fleet } from '../../client/fleet.ts';
import { startCloud } from '../../local/cloud.ts';
import { operatorEnvironment } from '../clients.ts';
import { deploy } from '../deploy.ts';
import { drawSession } from '../session/draw.ts';
import { STACK_NAME } from '../session/fleet.ts';
import { type Line, recordSession } from '../session/play.ts';
import { linkPrograms } from '../session/programs.ts';
import type { Step } from '../session/script.ts';
import { DAMAGES, DOCTOR, missingReasons, WAITING } from './script.ts';
import { toRows, toText } from './text.ts';

const COLUMNS = 118;
const LONGEST_MS = 900_000;

/** Version 1 of the AWS CLI ignores AWS_ENDPOINT_URL for SQS, so the wrapper passes a flag. */
const AWS_CLI = `#!/bin/sh
PATH="\${PATH#*:}" exec aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"
`;

/** Runs a script on a new fleet, and records it. */
async function record(
  steps: (fleet: Fleet) => readonly Step[],
  { speed, environment = {} }: { speed: number; environment?: Record<string, string> },
): Promise<Line[]> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-recording-'));
  const cloud = await startCloud({ directory, speed });
  try {
    const app = { file: 'demo/recordings/app.ts', stack: STACK_NAME };
    await deploy({ access: cloud, directory, environment, signal: AbortSignal.timeout(LONGEST_MS), app });
    const own = operatorEnvironment(cloud);
    // The library finds the embedded cloud by these variables.
    Object.assign(process.env, own);
    const fleet = await Fleet.find({ stack: STACK_NAME });
    while ((await fleet.describe()).keeper.ranAt === undefined) await delay(500);
    const programs = await linkPrograms(directory);
    await writeFile(join(programs, 'aws'), AWS_CLI, { mode: 0o755 });
    const PATH = [programs, own['PATH']].join(delimiter);
    const shell = { ...own, ...namesOf(fleet), PATH, MAYFLY_STACK: STACK_NAME };
    const lines = await recordSession(steps(fleet).map(announced), shell, directory);
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

async function write(name: string, title: string, lines: readonly Line[]): Promise<void> {
  const directory = join(import.meta.dirname, '../../docs/recordings');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${name}.txt`), toText(lines));
  await writeFile(join(directory, `${name}.svg`), `${drawSession(toRows(lines, COLUMNS), COLUMNS, title)}\n`);
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
};

const [, , only] = process.argv;
for (const [name, make] of Object.entries(RECORDINGS)) if (only === undefined || only === name) await make();
