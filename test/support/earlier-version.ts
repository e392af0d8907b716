import { mkdir, mkdtemp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { brotliDecompressSync } from 'node:zlib';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import type { AgentConfigInput } from '../../agent/config/agent-config.ts';
import type { Fleet } from '../../client/fleet.ts';
import type { FleetWithAgent } from './fleet-with-agent.ts';

const ROOT = join(import.meta.dirname, '../..');
const FIXTURE = join(ROOT, 'test/fixtures/before-groups');

/** Unpacks a file of the version before groups into a directory, from which it finds the packages that it imports. */
async function unpack(directory: string, name: 'agent' | 'library'): Promise<string> {
  const home = await mkdtemp(join(directory, `${name}-`));
  await symlink(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  await mkdir(join(home, 'worker'));
  await mkdir(join(home, 'agent'));
  const file = join(home, 'agent', `${name}.mjs`);
  await writeFile(file, brotliDecompressSync(await readFile(join(FIXTURE, `${name}.mjs.br`))));
  return file;
}

/** The library of the version before groups, with the same fleet. */
export async function openEarlierFleet({ fleet, bench }: FleetWithAgent): Promise<Fleet> {
  const library = await import(pathToFileURL(await unpack(bench.directory, 'library')).href);
  return new library.Fleet(fleet.context);
}

/**
 * Starts an agent of the version before groups as a process. It ends with the test.
 *
 * @returns what it has logged so far, and how to end it
 */
export async function startEarlierAgent(
  { bench, fleet }: FleetWithAgent,
  script: string,
  more: Partial<AgentConfigInput> = {},
): Promise<{ log(): string; stop(): Promise<void> }> {
  const file = await unpack(bench.directory, 'agent');
  const { region, queueUrl, deadLetterQueueUrl, table, logBucket } = fleet.facts;
  const config = {
    ...{ version: 1, fleet: 'test', region, queueUrl, deadLetterQueueUrl, table, logBucket },
    ...{ leaseSeconds: 2, graceSeconds: 0.2, retirement: { idleSeconds: 600 } },
    command: ['sh', '-c', script, 'worker'],
    environment: { JOURNAL: join(bench.directory, 'journal'), DIRECTORY: bench.directory },
    retryBackoff: { firstSeconds: 0, longestSeconds: 0 },
    ...more,
  };
  const configFile = `${file}.json`;
  await writeFile(configFile, JSON.stringify(config));
  const env = { AWS_EC2_METADATA_DISABLED: 'true', STATE_DIRECTORY: join(file, '../..') };
  const agent = execa(process.execPath, [file, '--config', configFile], { reject: false, env, all: true });
  let output = '';
  agent.all?.on('data', (chunk) => {
    output += String(chunk);
  });
  const stop = async () => {
    agent.kill('SIGTERM');
    await agent;
  };
  onTestFinished(stop);
  return { log: () => output, stop };
}
