import { readFile } from 'node:fs/promises';
import { AwsClock } from '../aws/aws-clock.ts';
import { type Clients, createClients } from '../aws/clients.ts';
import { findIdentity } from '../aws/identity.ts';
import { createLog, type Log } from '../aws/log.ts';
import { RecentLines } from '../aws/recent-lines.ts';
import { createStsClients } from '../aws/sts-clients.ts';
import { messageOf } from '../lib/error-message.ts';
import { withTimeout } from '../lib/with-timeout.ts';
import { createInstanceStore } from '../store/instance-store.ts';
import type { AgentConfig } from './config/agent-config.ts';
import { type CommandLineOptions, readOptions, USAGE, UsageError } from './config/options.ts';
import { ConfigError, parseConfig } from './config/read-config.ts';
import { openWorkerAccess } from './credentials/worker-access.ts';
import { type Lifecycle, startLifecycle } from './lifecycle/lifecycle.ts';
import { removeRetirementFile } from './lifecycle/retirement-record.ts';
import { createRunner } from './runner/create-runner.ts';
import { type Runner, WorkerMissingError } from './runner/runner.ts';
import { createWorkerDisk } from './runner/worker-disk.ts';
import { openWorkerSecrets } from './secrets/worker-secrets.ts';
import { FatalErrorFile } from './supervision/fatal-error-file.ts';
import { createNotify } from './supervision/notify.ts';
import { RefusalTracker } from './supervision/refusals.ts';
import { Watchdog } from './supervision/watchdog.ts';
import { createJobLoop } from './work/job-loop.ts';
import type { JobLoop } from './work/types.ts';

/** The oldest Node that the agent runs on. */
const NODE_MAJOR = 24;

/** `sysexits.h`: a wrong command line, and a wrong configuration. */
const EX_USAGE = 64;
const EX_CONFIG = 78;

/** How long an agent that ends with an error waits for the table to accept the error, if it cannot use the file. */
const FATAL_ERROR_MS = 3000;

/** Characters of the agent's log that are kept in memory. They are saved if the instance breaks down. */
const RECENT_LOG = 64 * 1024;

async function main(fatalErrorFile: FatalErrorFile): Promise<void> {
  fatalErrorFile.remove();
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
  await removeRetirementFile(options.stateDirectory);
  await run(options, parseConfig(await readConfig(options.configFile), options.configFile), fatalErrorFile);
}

async function run(
  options: CommandLineOptions,
  config: AgentConfig,
  fatalErrorFile: FatalErrorFile,
): Promise<void> {
  const clock = new AwsClock();
  // Only instances of a group are configured with a launch hook.
  const isInGroup = config.launchHook !== undefined;
  const identity = await findIdentity(process.env, clock, isInGroup);
  const recentLines = new RecentLines(RECENT_LOG);
  const fields = { fleet: config.fleet, instance: identity.instanceId };
  const log = createLog(options.logLevel, fields, recentLines);
  const clients = createClients(config.region, clock);
  useTable(fatalErrorFile, config, clients, identity.instanceId, clock);
  const runner = createRunner(options, config, clock);
  // No worker may outlive the agent: it would run at the same time as the next try of its job.
  process.on('exit', () => runner.close());
  exitOnDefects(log, fatalErrorFile);
  const workerMissing = await checkWorker(runner);
  const instance = identity.instanceId;
  const random = Math.random;
  const refusals = new RefusalTracker(clock);
  const access = await openWorkerAccess({
    clients: createStsClients(config.region, clock),
    ...{ config, instance, clock, refusals, random, log },
  });
  const secrets = openWorkerSecrets({ config, access, clock, refusals, random, log });
  const disk = createWorkerDisk(options, config, clock, log);
  const watchdog = new Watchdog({
    notify: createNotify(process.env, log),
    clock,
    log,
    env: process.env,
    leaseSeconds: config.leaseSeconds,
    work: () => work,
  });
  const work = createJobLoop({
    config,
    clients,
    instance,
    runner,
    access,
    secrets,
    disk,
    refusals,
    clock,
    random,
    log,
    onAttempt: () => watchdog.recordAttempt(),
    onBroken: (broken) => void lifecycle.then((one) => one.reportBroken(broken)),
  });
  const lifecycle: Promise<Lifecycle> = startLifecycle({
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
  const stopped = stopOnSignal(work, lifecycle, config.drainSeconds * 1000, log, () => watchdog.stopping());
  // `ended` rejects when the agent is stopped first. Then `stopped` is the end.
  const retired = lifecycle.then(({ ended }) => ended.catch(() => stopped));
  await Promise.race([retired, stopped]);
  await watchdog.end();
}

/**
 * Resolves when a signal has come and the job loop is drained. A second signal does not wait for the jobs any more.
 * SIGHUP keeps its default: the agent has no terminal, and an agent that was started from one may end with it.
 */
function stopOnSignal(
  work: JobLoop,
  lifecycle: Promise<Lifecycle>,
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
        signals === 1 ? 'draining' : 'requeuing the jobs now',
      );
      const drained = work.drain(signals === 1 ? drainMs : 0);
      const stopped = lifecycle.then(({ stop }) => stop(drained, signal));
      Promise.all([stopped, drained]).then(() => resolve(), reject);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

/**
 * Ends the process after an unexpected error, once the error is written, so that systemd sees the failure. The leases of
 * its jobs expire, and the jobs run elsewhere.
 */
function exitOnDefects(log: Log, fatalErrorFile: FatalErrorFile): void {
  const fail = (err: unknown) => {
    log.fatal({ err }, 'the agent ends after an unexpected error');
    void fatalErrorFile.write(err).then(() => process.exit(1));
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
}

/** Lets the fatal error be written to the instance's record. */
function useTable(
  fatalErrorFile: FatalErrorFile,
  { table, recordSeconds }: AgentConfig,
  clients: Clients,
  instance: string,
  clock: AwsClock,
): void {
  if (table === undefined) return;
  const instances = createInstanceStore(clients.dynamodb, table, recordSeconds);
  fatalErrorFile.useRecord((text) =>
    withTimeout(clock, FATAL_ERROR_MS, (signal) => instances.recordFatalError(instance, text, signal)),
  );
}

/** Returns why the worker's program cannot be run; undefined if it can. */
async function checkWorker(runner: Runner): Promise<string | undefined> {
  try {
    await runner.check();
    return undefined;
  } catch (error) {
    if (error instanceof WorkerMissingError) return error.message;
    throw error;
  }
}

async function readConfig(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(file, [messageOf(error)]);
  }
}

/** A usage or configuration error is printed as a sentence, any other error with its stack. */
async function exitWith(fatalErrorFile: FatalErrorFile, error: unknown): Promise<never> {
  await fatalErrorFile.write(error);
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
const fatalErrorFile = new FatalErrorFile(
  process.env['STATE_DIRECTORY'],
  process.env['NOTIFY_SOCKET'] !== undefined,
);
main(fatalErrorFile).then(
  () => process.exit(),
  (error) => exitWith(fatalErrorFile, error),
);
