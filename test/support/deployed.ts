import { resolve } from 'node:path';
import { execa } from 'execa';
import { afterEach } from 'vitest';
import { Fleet } from '../../client/fleet.ts';
import type { WorkerFleetProps } from '../../infra/props/props.ts';
import { STACK_NAME } from './deploy.ts';
import { type FleetOptions, startFleet, type TestFleet } from './fleet.ts';

const BIN = resolve(import.meta.dirname, '../../bin/mayfly.js');

/** A deployed fleet with stack, instances and keeper, and with the library and the command to use it. */
export interface DeployedFleet extends TestFleet {
  library: Fleet;
  /** The environment in which a command finds the fleet, without other variables of this machine. */
  env: Record<string, string>;
  /** Runs the command, as a user does. Never rejects because of an exit status. */
  mayfly(...args: string[]): ReturnType<typeof run>;
}

/** Starts a fleet for each test of a file, and closes it after the test. */
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
    // The library's clients find the cloud by these variables.
    Object.assign(process.env, env);
    const library = await Fleet.find({ stack: STACK_NAME });
    open.unshift({ close: async () => library.close() });
    const all = { ...env, PATH: process.env['PATH'] ?? '' };
    return Object.assign(fleet, { library, env: all, mayfly: (...args: string[]) => run(args, all) });
  };
}

function run(args: string[], env: Record<string, string>) {
  return execa(process.execPath, [BIN, ...args], { env, extendEnv: false, reject: false });
}
