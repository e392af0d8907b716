import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import type * as EmbeddedCloud from 'mayfly-local';
import { isBuilt } from '../../../infra/bundle/package-files.ts';
import { messageOf } from '../../../lib/error-message.ts';
import { Failure } from '../../failure.ts';
import { createReporter } from '../../report-calls.ts';
import { say } from '../../terminal/say.ts';

export interface LocalOptions {
  port: number;
  directory: string;
  speed: number;
  instances: 'processes' | 'machines';
  release?: EmbeddedCloud.Release;
  json?: true;
}

/** `mayfly local`: the embedded cloud, for any AWS client, until it is interrupted. */
export function localCommand(): Command {
  return new Command('local')
    .summary('run a small AWS on this machine')
    .description(
      'Runs the part of AWS that a fleet needs on this machine: CloudFormation, SQS, DynamoDB, S3, Auto Scaling, ' +
        'EC2, CloudWatch, Lambda, IAM, STS and SSM behind one port of the loopback interface. `npx cdk deploy` ' +
        'brings the fleet up on it, and its instances are processes, or machines that boot. Nothing costs anything; ' +
        'Ctrl-C ends it all.',
    )
    .option('--port <number>', 'where it listens, on 127.0.0.1; 0 takes any free port', port, 4566)
    .option('--directory <path>', 'where logs and instances are kept', '.mayfly')
    .option(
      '--speed <factor>',
      "how many times faster AWS's own periods pass (metrics, alarms, schedules)",
      speed,
      1,
    )
    .addOption(
      new Option('--instances <kind>', 'what an instance is')
        .choices(['processes', 'machines'] satisfies LocalOptions['instances'][])
        .default('processes'),
    )
    .addOption(
      new Option('--release <name>', 'what machines are (default: "debian-12")').choices([
        'debian-12',
        'debian-13',
      ] satisfies EmbeddedCloud.Release[]),
    )
    .option('--json', 'one JSON object a line: first {"event":"ready",...}, then a {"event":"call",...} each')
    .addHelpText('after', NOTES)
    .action(runLocal);
}

const NOTES = `
Any AWS client works with these variables, which it prints with the actual port:
  AWS_ENDPOINT_URL=http://127.0.0.1:4566   (too old for it: --endpoint-url)
  AWS_REGION=us-east-1
  AWS_DEFAULT_REGION=us-east-1             (for the older tools)
  AWS_ACCESS_KEY_ID=local
  AWS_SECRET_ACCESS_KEY=...                (drawn at each start)
Signatures are checked. Whoever knows the secret runs programs as you (a Lambda
function, an instance): keep it to yourself.

--speed leaves the queue, the jobs, the agents and the time-outs of hooks at
their own pace. State is in memory and ends with it; the log of all calls
(<directory>/calls.jsonl) and the instances' directories stay.

--instances machines boots each instance as Debian with a systemd of its own,
on Linux and as root; the first time it builds an image, in about a minute.
The instances' journals: journalctl -D <directory>/instances/<id>/journal
They share <directory>/shared, as /mnt/shared.

Faults can be set over HTTP, one JSON rule a POST, signed as any other call:
  printf 'user = "%s:%s"\\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" |
    curl --config - --aws-sigv4 aws:amz:us-east-1:mayfly \\
      -d '{"service":"sqs","times":3,"effect":{"kind":"throttle"}}' \\
      $AWS_ENDPOINT_URL/_mayfly/faults
So the secret is in no argument of a command, which other users could read.
`;

function port(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new InvalidArgumentError('A port is a whole number from 0 to 65535.');
}

function speed(value: string): number {
  const number = Number(value);
  if (number >= 1 && number <= 1000) return number;
  throw new InvalidArgumentError('A speed is a number from 1 to 1000.');
}

async function runLocal(options: LocalOptions, command: Command): Promise<void> {
  const { port, directory, speed, release } = options;
  if (release && options.instances !== 'machines') {
    command.error('error: --release is for --instances machines.');
  }
  const { createMachineLauncher, startCloud } = await importEmbeddedCloud();
  const ending = whenInterrupted();
  const launcher =
    options.instances === 'machines'
      ? await startMachines(createMachineLauncher, directory, release)
      : undefined;
  const cloud = await startCloud({ port, directory, speed, ...(launcher && { launcher }) }).catch(
    async (error: unknown) => {
      await launcher?.close();
      throw failure(error);
    },
  );
  const reporter = createReporter(process.stdout, options.json ? 'json' : 'text');
  reporter.ready(cloud);
  const stop = cloud.onCall(reporter.call);
  await ending;
  reporter.ending();
  stop();
  if (!(await endsWithin(cloud.close(), LONGEST_ENDING_MS))) {
    say(`something of the cloud did not end within ${LONGEST_ENDING_MS / 1000} s; the instances are killed.`);
    process.exit(1);
  }
  // Whatever a program of this machine has left open must not keep the command up.
  process.exit(0);
}

/** From the signal to the end of all instances: they are killed, which takes seconds on a busy machine. */
const LONGEST_ENDING_MS = 60_000;

/** Whether `end` resolves within so many milliseconds. Rejects as it does. */
export async function endsWithin(end: Promise<void>, ms: number): Promise<boolean> {
  const waiting = new AbortController();
  const late = delay(ms, false, { signal: waiting.signal }).catch(() => false);
  const over = await Promise.race([end.then(() => true), late]);
  waiting.abort();
  return over;
}

/** Only `mayfly local` needs the package of the embedded cloud. An installation without it has all other verbs. */
async function importEmbeddedCloud(): Promise<typeof EmbeddedCloud> {
  try {
    return await import('mayfly-local');
  } catch (error) {
    // In a checkout the package is a workspace: bin/mayfly.js says that `npm install` was not run.
    if (isBuilt && isMissing(error)) throw new Failure(NOT_INSTALLED);
    throw error;
  }
}

const NOT_INSTALLED =
  'The embedded cloud is the package mayfly-local, which is not installed: run `npm install --save-dev mayfly-local`.';

/** Whether the package is not there. A package that it needs itself is named in the same way, and is another problem. */
function isMissing(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' && message.startsWith("Cannot find package 'mayfly-local'");
}

async function startMachines(
  createMachineLauncher: typeof EmbeddedCloud.createMachineLauncher,
  directory: string,
  release: EmbeddedCloud.Release | undefined,
): Promise<EmbeddedCloud.MachineLauncher> {
  const onProgress = (line: string) => process.stderr.write(`${line}\n`);
  const shared = join(directory, 'shared');
  return createMachineLauncher({ shared, onProgress, ...(release && { release }) }).catch(
    (error: unknown) => {
      throw failure(error);
    },
  );
}

function failure(error: unknown): Failure {
  return new Failure(messageOf(error));
}

/** Resolves at the first signal to end; a second one gets its default effect: to end at once. */
function whenInterrupted(): Promise<void> {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  return new Promise((resolve) => {
    const end = () => {
      for (const signal of signals) process.off(signal, end);
      resolve();
    };
    for (const signal of signals) process.on(signal, end);
  });
}
