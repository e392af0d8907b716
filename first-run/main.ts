/**
 * `npm run test:aws`: the ten checks of `docs/first-run.md`, on the account and in the region that the environment names, or
 * on the embedded cloud. Exits with 0 if all are as they must be, with 1 if not, with 2 if nothing was begun.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STSClient } from '@aws-sdk/client-sts';
import { canAsk, isConfirmed } from '../cli/commands/confirm.ts';
import { operatorEnvironment } from '../demo/clients.ts';
import { messageOf } from '../lib/error-message.ts';
import { type Cloud, startCloud } from '../local/cloud.ts';
import { bootstrapped } from './checks/deployment.ts';
import { CHECKS } from './checks.ts';
import { cleanUp } from './clean-up.ts';
import { type FirstRunOptions, readOptions } from './options.ts';
import { planText } from './plan.ts';
import { FirstRun } from './run.ts';

/** What came of a check. */
interface Result {
  number: number;
  title: string;
  ok: boolean;
  /** What came, or what was wrong. */
  told: string;
  seconds: number;
}

const options = readOptions(process.argv.slice(2));
const say = (line: string) => (options.json ? console.error : console.log)(line);
const interrupt = new AbortController();
const onSignal = (signal: NodeJS.Signals) => interrupt.abort(new Error(`Stopped by ${signal}.`));
process.once('SIGINT', onSignal).once('SIGTERM', onSignal).once('SIGHUP', onSignal);

async function main({ local, speed, yes, json }: FirstRunOptions): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-first-run-'));
  let cloud: Cloud | undefined;
  try {
    if (local) {
      cloud = await startCloud({ directory: join(directory, 'cloud'), speed });
      // From here on it is AWS, for this process and for the commands that it runs.
      for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name];
      Object.assign(process.env, operatorEnvironment(cloud));
    }
    const run = new FirstRun({
      region: await regionOf(),
      stack: `MayflyFirstRun-${new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14)}`,
      directory,
      local,
      signal: interrupt.signal,
      onLine: (line) => say(`      ${line}`),
    });
    try {
      say(planText(run.stack, await bootstrapped.make(run), local));
      if (!local && !yes && !(await isAgreed())) return 2;
      const results = await checkAll(run);
      const ok = results.length === CHECKS.length && results.every((result) => result.ok);
      if (json) console.log(JSON.stringify({ stack: run.stack, ok, checks: results }));
      else say(ok ? 'All ten checks are as they must be. The stack is gone.' : 'A check has failed.');
      return ok ? 0 : 1;
    } finally {
      run.close();
    }
  } finally {
    await cloud?.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** As `cdk` and `mayfly` find it. The SDK by itself does not heed the older one of these variables. */
async function regionOf(): Promise<string> {
  const known = process.env['AWS_REGION'] || process.env['AWS_DEFAULT_REGION'];
  if (known) return known;
  const client = new STSClient({});
  try {
    return await client.config.region();
  } catch (cause) {
    throw new Error('no region is set: name one by AWS_REGION or in a profile (AWS_PROFILE)', { cause });
  } finally {
    client.destroy();
  }
}

async function isAgreed(): Promise<boolean> {
  if (canAsk()) return isConfirmed('Begin?');
  console.error('Nobody is there to be asked. Nothing was made: say --yes to begin.');
  return false;
}

/** One after the other until one fails. Then the stack is deleted, whatever happened, unless it is to be kept. */
async function checkAll(run: FirstRun): Promise<Result[]> {
  const results: Result[] = [];
  try {
    for (const [index, check] of CHECKS.entries()) {
      const sinceMs = performance.now();
      say(`${String(index + 1).padStart(2)}  ${check.title} ...`);
      let told: string;
      let ok = true;
      try {
        told = await check.make(run);
      } catch (error) {
        ok = false;
        told = messageOf(interrupt.signal.aborted ? interrupt.signal.reason : error);
      }
      const seconds = Math.round((performance.now() - sinceMs) / 1000);
      results.push({ number: index + 1, title: check.title, ok, told, seconds });
      say(`    ${ok ? 'ok' : 'FAILED'} (${seconds} s): ${told}`);
      if (!ok) break;
    }
  } finally {
    if (results.at(-1)?.ok === false) await cleanUp(run, { ...options, say });
  }
  return results;
}

try {
  process.exitCode = await main(options);
} catch (error) {
  console.error(`The first run could not go on: ${messageOf(error)}`);
  process.exitCode = 1;
}
