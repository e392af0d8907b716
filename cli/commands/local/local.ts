import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import type * as EmbeddedCloud from 'mayfly-local';
import { messageOf } from '../../../lib/error-message.ts';
import { isBuilt } from '../../../lib/package-files.ts';
import { CliError } from '../../error.ts';
import { say } from '../../terminal/say.ts';
import { createCallReporter } from './report-calls.ts';

export interface LocalOptions {
  port: number;
  directory: string;
  speed: number;
  instances: 'processes' | 'machines';
  release?: EmbeddedCloud.Release;
  json?: true;
}

/** `mayfly local`: runs the embedded cloud, for any AWS client, until it is interrupted. */
export function localCommand(): Command {
  return new Command('local')
    .summary('run an embedded cloud on this machine')
    .description(
      'Runs the services of AWS that a fleet needs on this machine: CloudFormation, SQS, DynamoDB, S3, Auto Scaling, ' +
        'EC2, CloudWatch, Lambda, IAM, STS, SSM and Secrets Manager, on one port of the loopback interface. `npx cdk ' +
        'deploy` deploys a fleet to it. The instances are processes, or machines that boot. It costs nothing. Ctrl-C ' +
        'ends it with all its instances.',
    )
    .option('--port <number>', 'the port on 127.0.0.1; 0 takes any free port', port, 4566)
    .option('--directory <path>', 'the directory for logs and instances', '.mayfly')
    .option(
      '--speed <factor>',
      "how many times faster AWS's own periods pass (metrics, alarms, schedules)",
      speed,
      1,
    )
    .addOption(
      new Option('--instances <kind>', 'what instances are')
        .choices(['processes', 'machines'] satisfies LocalOptions['instances'][])
        .default('processes'),
    )
    .addOption(
      new Option('--release <name>', 'the release of machines (default: "debian-12")').choices([
        'debian-12',
        'debian-13',
      ] satisfies EmbeddedCloud.Release[]),
    )
    .option(
      '--json',
      'print JSON lines: first {"event":"ready",...}, then {"event":"call",...} for each call',
    )
    .addHelpText('after', NOTES)
    .action(runLocal);
}

const NOTES = `
Any AWS client works with these variables, which it prints with the actual port:
  AWS_ENDPOINT_URL=http://127.0.0.1:4566   (older clients: --endpoint-url)
  AWS_REGION=us-east-1
  AWS_DEFAULT_REGION=us-east-1             (for older tools)
  AWS_ACCESS_KEY_ID=local
  AWS_SECRET_ACCESS_KEY=...                (random, new at each start)
Signatures are checked. Keep the secret to yourself: whoever knows it can run
programs as you (a Lambda function, an instance).

--speed does not change the queue, the jobs, the agents and the time-outs of
hooks. The state is in memory and is lost at the end. The log of all calls
(<directory>/calls.jsonl) and the directories of the instances stay.

--instances machines boots each instance as Debian with its own systemd. It
needs Linux and root. The first time it builds an image, in about a minute.
The journal of an instance: journalctl -D <directory>/instances/<id>/journal
All machines mount <directory>/shared at /mnt/shared.

Set a fault with a POST of one JSON rule, signed like any other call:
  printf 'user = "%s:%s"\\n' "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" |
    curl --config - --aws-sigv4 aws:amz:us-east-1:mayfly \\
      -d '{"service":"sqs","times":3,"effect":{"kind":"throttle"}}' \\
      $AWS_ENDPOINT_URL/_mayfly/faults
The secret is passed on standard input, because other users can read the
arguments of a command.
`;

function port(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new InvalidArgumentError('Allowed is a whole number from 0 to 65535.');
}

function speed(value: string): number {
  const number = Number(value);
  if (number >= 1 && number <= 1000) return number;
  throw new InvalidArgumentError('Allowed is a number from 1 to 1000.');
}

async function runLocal(options: LocalOptions, command: Command): Promise<void> {
  const { port, directory, speed, release } = options;
  if (release && options.instances !== 'machines') {
    command.error('error: --release needs --instances machines.');
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
  const reporter = createCallReporter(process.stdout, options.json ? 'json' : 'text');
  reporter.ready(cloud);
  const stop = cloud.onCall(reporter.call);
  await ending;
  reporter.ending();
  stop();
  if (!(await endsWithin(cloud.close(), LONGEST_ENDING_MS))) {
    say(`the cloud did not end within ${LONGEST_ENDING_MS / 1000} s; its instances are killed.`);
    process.exit(1);
  }
  // An open connection of a client must not keep the process running.
  process.exit(0);
}

/** From the signal to the end of all instances. Killing them takes seconds on a busy machine. */
const LONGEST_ENDING_MS = 60_000;

/** Whether `end` resolves within `ms`. Rejects if `end` rejects. */
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
    if (isBuilt && isMissing(error)) throw new CliError(NOT_INSTALLED);
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

function failure(error: unknown): CliError {
  return new CliError(messageOf(error));
}

/** Resolves at the first signal. A second one has its default effect and ends the process at once. */
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
