/**
 * `npm run test:aws`: makes the ten checks of `docs/first-run.md`, on the account and in the region of the environment, or on
 * the embedded cloud. Exits with 0 if all checks succeed, with 1 if not, with 2 if it did not begin.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STSClient } from '@aws-sdk/client-sts';
import { canPrompt, promptYesNo } from '../cli/terminal/confirm.ts';
import { operatorEnvironment } from '../demo/clients.ts';
import { messageOf } from '../lib/error-message.ts';
import { type Cloud, startCloud } from '../local/cloud.ts';
import { bootstrap } from './checks/deployment.ts';
import { CHECKS } from './checks.ts';
import { cleanUp } from './clean-up.ts';
import { type FirstRunOptions, readOptions } from './options.ts';
import { planText } from './plan.ts';
import { FirstRun } from './run.ts';

/** The result of a check: what `--json` prints. */
interface Result {
  number: number;
  title: string;
  ok: boolean;
  /** The result, or what was wrong. */
  message: string;
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
      // From here on, this process and its commands use the embedded cloud as AWS.
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
      say(planText(run.stack, await bootstrap.run(run), local));
      if (!local && !yes && !(await isAgreed())) return 2;
      const results = await checkAll(run);
      const ok = results.length === CHECKS.length && results.every((result) => result.ok);
      if (json) console.log(JSON.stringify({ stack: run.stack, ok, checks: results }));
      else say(ok ? 'All ten checks have succeeded. The stack is deleted.' : 'A check has failed.');
      return ok ? 0 : 1;
    } finally {
      run.close();
    }
  } finally {
    await cloud?.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Finds the region as `cdk` and `mayfly` do. The SDK itself ignores the second of these variables. */
async function regionOf(): Promise<string> {
  const known = process.env['AWS_REGION'] || process.env['AWS_DEFAULT_REGION'];
  if (known) return known;
  const client = new STSClient({});
  try {
    return await client.config.region();
  } catch (cause) {
    throw new Error('no region is set: set AWS_REGION, or a region in the profile (AWS_PROFILE)', { cause });
  } finally {
    client.destroy();
  }
}

async function isAgreed(): Promise<boolean> {
  if (canPrompt()) return promptYesNo('Begin?');
  console.error('There is no terminal to ask on. Nothing was created. Use --yes to begin without asking.');
  return false;
}

/** Makes the checks one after the other until one fails. After a failure it deletes the stack, unless `--keep` is set. */
async function checkAll(run: FirstRun): Promise<Result[]> {
  const results: Result[] = [];
  try {
    for (const [index, check] of CHECKS.entries()) {
      const sinceMs = performance.now();
      say(`${String(index + 1).padStart(2)}  ${check.title} ...`);
      let message: string;
      let ok = true;
      try {
        message = await check.run(run);
      } catch (error) {
        ok = false;
        message = messageOf(interrupt.signal.aborted ? interrupt.signal.reason : error);
      }
      const seconds = Math.round((performance.now() - sinceMs) / 1000);
      results.push({ number: index + 1, title: check.title, ok, message, seconds });
      say(`    ${ok ? 'ok' : 'FAILED'} (${seconds} s): ${message}`);
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
  console.error(`The first run failed: ${messageOf(error)}`);
  process.exitCode = 1;
}
