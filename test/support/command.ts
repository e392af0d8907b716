import { resolve } from 'node:path';
import { execa } from 'execa';
import type { Cloud } from '../../local/cloud.ts';

const BIN = resolve(import.meta.dirname, '../../bin/mayfly.js');
/** Shared by all tests, because it halves the start-up time of a command. */
const NODE_COMPILE_CACHE = resolve(import.meta.dirname, '../../node_modules/.cache/mayfly');

export interface CommandOptions {
  cwd: string;
  env: Record<string, string>;
}

/** Runs `mayfly` as a user does. Never rejects because of an exit status. */
export function runs(args: string[], { cwd, env }: CommandOptions, input = '') {
  return execa(process.execPath, [BIN, ...args], { cwd, env, extendEnv: false, reject: false, input });
}

/** The same, with the output as bytes. */
export function runsForBytes(args: string[], { cwd, env }: CommandOptions) {
  const options = { cwd, env, extendEnv: false, reject: false, encoding: 'buffer' } as const;
  return execa(process.execPath, [BIN, ...args], options);
}

/** The variables with which the clients of AWS find the cloud. */
export function credentials(cloud: Cloud) {
  return {
    AWS_ENDPOINT_URL: cloud.endpoint,
    AWS_REGION: cloud.region,
    AWS_ACCESS_KEY_ID: cloud.owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: cloud.owner.secretAccessKey,
  };
}

/** The environment of a command, without other variables of this machine. */
export function environmentOf(cloud: Cloud, directory: string) {
  return { ...credentials(cloud), PATH: process.env['PATH'] ?? '', HOME: directory, NODE_COMPILE_CACHE };
}
