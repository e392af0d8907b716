import { readFile } from 'node:fs/promises';
import { withTimeout } from '../lib/with-timeout.ts';
import { AwsClock } from '../aws/aws-clock.ts';
import { type Clients, createClients } from '../aws/clients.ts';
import { findIdentity } from '../aws/identity.ts';
import { createLog, type Log } from '../aws/log.ts';
import { RecentLines } from '../aws/recent-lines.ts';
import { instanceStore } from '../store/instances.ts';
import type { AgentConfig } from './config/agent-config.ts';
import { createRunner } from './runner/create-runner.ts';
import { createWork } from './work/create-work.ts';
import { openWorkerAccess } from './credentials/worker-access.ts';
import { LastWords } from './supervision/last-words.ts';
import { createNotify } from './supervision/notify.ts';
import { type Options, readOptions, USAGE, UsageError } from './config/options.ts';
import { ConfigError, parseConfig } from './config/read-config.ts';
import { Refusals } from './supervision/refusals.ts';
import { forgetRetirement } from './lifecycle/account.ts';
import { type Life, startLife } from './lifecycle/life.ts';
import { type Runner, WorkerMissing } from './runner/runner.ts';
import { Watchdog } from './supervision/watchdog.ts';
import type { Work } from './work/work.ts';
import { createWorkerDisk } from './runner/worker-disk.ts';

/** The oldest Node that the agent runs on. */
const NODE_MAJOR = 24;

/** `sysexits.h`: started wrongly, or with a configuration that is. */
const EX_USAGE = 64;
const EX_CONFIG = 78;

/** How long an agent that gives up waits for the table to take its last words, where the file will not do. */
const LAST_WORDS_MS = 3000;

/** Characters of the agent's log that are kept in memory, to be saved when the instance breaks down. */
const RECENT_LOG = 64 * 1024;

async function main(lastWords: LastWords): Promise<void> {
  lastWords.forget();
  if (Number(process.versions.node.split('.')[0]) < NODE_MAJOR) {
    throw new UsageError(
      `this is Node ${process.versions.node}; the agent needs Node ${NODE_MAJOR} or later`,
    );
  }
  const options = readOptions(process.argv.slice(2), import.meta.dirname, process.env);
  if (!options) {
    process.stdout.write(USAGE);
    return;
  }
  await forgetRetirement(options.stateDirectory);
  await run(options, parseConfig(await readConfig(options.configFile), options.configFile), lastWords);
}

async function run(options: Options, config: AgentConfig, lastWords: LastWords): Promise<void> {
  const clock = new AwsClock();
  // Only the template of a group names a launch hook.
  const member = config.launchHook !== undefined;
  const identity = await findIdentity(process.env, clock, member);
  const recentLines = new RecentLines(RECENT_LOG);
  const fields = { fleet: config.fleet, instance: identity.instanceId };
  const log = createLog(options.logLevel, fields, recentLines);
  const clients = createClients(config.region, clock);
  noteInTable(lastWords, config, clients, identity.instanceId, clock);
  const runner = createRunner(options, config, clock);
  // However the agent ends, no worker outlives it to run beside the next try of its job.
  process.on('exit', () => runner.close());
  failLoudly(log, lastWords);
  const workerMissing = await whyMissing(runner);
  const instance = identity.instanceId;
  const random = Math.random;
  const refusals = new Refusals(clock);
  const access = await openWorkerAccess({ config, clients, instance, clock, refusals, random, log });
  const disk = createWorkerDisk(options, config, clock, log);
  const watchdog = new Watchdog({
    notify: createNotify(process.env, log),
    clock,
    log,
    env: process.env,
    leaseSeconds: config.leaseSeconds,
    work: () => work,
  });
  const work = createWork({
    config,
    clients,
    instance,
    runner,
    access,
    disk,
    refusals,
    clock,
    random,
    log,
    onAttempt: () => watchdog.tried(),
    onBroken: (broken) => void life.then((one) => one.broken(broken)),
  });
  const life: Promise<Life> = startLife({
    config,
    clients,
    clock,
    log,
    identity,
    work,
    refusals,
    access,
    recentLog: () => recentLines.text(),
    supervisor: watchdog,
    stateDirectory: options.stateDirectory,
    ...(workerMissing === undefined ? {} : { workerMissing }),
  });
  const stopped = stopOnSignal(work, life, config.drainSeconds * 1000, log, () => watchdog.stopping());
  // Its end is rejected when the agent is stopped first: that end is told by `stopped`.
  const retired = life.then(({ ended }) => ended.catch(() => stopped));
  await Promise.race([retired, stopped]);
  await watchdog.end();
}

/**
 * Resolves when a signal has come and the work is drained. A second signal does not wait for the jobs any more.
 * SIGHUP is left alone: the agent has no terminal, and one that is started from one may die with it.
 */
function stopOnSignal(
  work: Work,
  life: Promise<Life>,
  drainMs: number,
  log: Log,
  onStop: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let signals = 0;
    const onSignal = (signal: NodeJS.Signals) => {
      signals += 1;
      onStop();
      log.info(
        { signal, running: work.state().running },
        signals === 1 ? 'draining' : 'handing jobs back now',
      );
      const drained = work.drain(signals === 1 ? drainMs : 0);
      const stopped = life.then(({ stop }) => stop(drained, signal));
      Promise.all([stopped, drained]).then(() => resolve(), reject);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/**
 * A defect ends the agent, where systemd sees it, as soon as its last words are left; its leases end by themselves and its
 * jobs run elsewhere.
 */
function failLoudly(log: Log, lastWords: LastWords): void {
  const fail = (err: unknown) => {
    log.fatal({ err }, 'the agent met an error that it does not know and ends');
    void lastWords.leave(err).then(() => process.exit(1));
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
}

function noteInTable(
  lastWords: LastWords,
  { table, recordSeconds }: AgentConfig,
  clients: Clients,
  instance: string,
  clock: AwsClock,
): void {
  if (table === undefined) return;
  const instances = instanceStore(clients.dynamodb, table, recordSeconds);
  lastWords.noteBy((words) =>
    withTimeout(clock, LAST_WORDS_MS, (signal) => instances.lastWords(instance, words, signal)),
  );
}

async function whyMissing(runner: Runner): Promise<string | undefined> {
  try {
    await runner.check();
    return undefined;
  } catch (error) {
    if (error instanceof WorkerMissing) return error.message;
    throw error;
  }
}

async function readConfig(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, [error instanceof Error ? error.message : String(error)]);
  }
}

/** What a person did wrong is told in a sentence; anything else with all that is known of it. */
async function giveUp(lastWords: LastWords, error: unknown): Promise<never> {
  await lastWords.leave(error);
  if (error instanceof UsageError) {
    process.stderr.write(`mayfly-agent: ${error.message}\nTry --help.\n`);
    process.exit(EX_USAGE);
  }
  if (error instanceof ConfigError) {
    process.stderr.write(`mayfly-agent: ${error.message}\n`);
    process.exit(EX_CONFIG);
  }
  throw error;
}

// Under systemd, `mayfly-retire` reads the file.
const lastWords = new LastWords(process.env['STATE_DIRECTORY'], process.env['NOTIFY_SOCKET'] !== undefined);
main(lastWords).then(
  () => process.exit(),
  (error) => giveUp(lastWords, error),
);
