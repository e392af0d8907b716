import { resolve } from 'node:path';
import { execa } from 'execa';
import { afterEach } from 'vitest';
import { Fleet } from '../../client/fleet.ts';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { STACK_NAME } from './deploy.ts';
import { type FleetOptions, startFleet, type TestFleet } from './fleet.ts';

const BIN = resolve(import.meta.dirname, '../../bin/mayfly.js');

/** A fleet with its stack, instances and keeper, and the two ways in which people look after it. */
export interface DeployedFleet extends TestFleet {
  library: Fleet;
  /** With which a command finds the fleet, and nothing else of this machine's. */
  env: Record<string, string>;
  /** Runs the command, as a user does. Rejects at no exit status. */
  mayfly(...words: string[]): ReturnType<typeof run>;
}

/** Fleets for the tests of a file: each test has its own, which is gone when the test is over, however it ends. */
export function deployedFleets(): (
  props?: WorkerFleetProps,
  options?: FleetOptions,
) => Promise<DeployedFleet> {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  return async (props, options) => {
    const fleet = await startFleet(props, options);
    open.push(fleet);
    const env = {
      AWS_ENDPOINT_URL: fleet.cloud.endpoint,
      AWS_REGION: fleet.cloud.region,
      AWS_ACCESS_KEY_ID: fleet.cloud.owner.accessKeyId,
      AWS_SECRET_ACCESS_KEY: fleet.cloud.owner.secretAccessKey,
      MAYFLY_STACK: STACK_NAME,
    };
    // The library's clients find the cloud as they find AWS.
    Object.assign(process.env, env);
    const library = await Fleet.find({ stack: STACK_NAME });
    open.unshift({ close: async () => library.close() });
    const all = { ...env, PATH: process.env['PATH'] ?? '' };
    return Object.assign(fleet, { library, env: all, mayfly: (...words: string[]) => run(words, all) });
  };
}

function run(words: string[], env: Record<string, string>) {
  return execa(process.execPath, [BIN, ...words], { env, extendEnv: false, reject: false });
}
