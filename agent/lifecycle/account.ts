import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { InstanceRecord, Retirement } from '../../jobs/record.ts';
import { type Self, within } from './self.ts';

/**
 * In the state directory: the record of a retirement that is over. Whoever started the agent finds it there when the
 * agent has ended well, and takes the power away.
 */
const RETIREMENT_FILE = 'retirement.json';
const READY_FILE = 'ready.json';
const ReadySchema = v.object({
  instanceId: v.string(),
  readyAtMs: v.number(),
  /** It was ready for its warm pool only. */
  pooled: v.optional(v.boolean(), false),
});
const TABLE_MS = 10_000;

/**
 * Removes what an earlier life on this machine has left: a machine that was rebooted in the middle of its retirement
 * works on, and must not lose its power when its agent ends for another reason. Rejects if that cannot be done.
 */
export async function forgetRetirement(stateDirectory: string): Promise<void> {
  await rm(join(stateDirectory, RETIREMENT_FILE), { force: true });
}

/**
 * Puts a retirement on record: in the log, and in the table if there is one. A record that cannot be written is
 * reported and holds nothing up: an instance that must go goes.
 */
export async function record(
  self: Self,
  retirement: Retirement,
  message: string,
  listing: InstanceRecord['listing'],
): Promise<void> {
  const { instances, identity, log } = self;
  log.info({ retirement }, message);
  if (!instances) return;
  await attempt(self, 'the retirement is not in the table', () =>
    within(self.clock, TABLE_MS, (signal) =>
      instances.retiring(identity.instanceId, retirement, listing, signal),
    ),
  );
}

/** Asks whoever started the agent to take the power away, once the agent has ended. */
export async function askForPowerOff(self: Self, retirement: Retirement): Promise<void> {
  const text = `${JSON.stringify({ instance: self.identity.instanceId, ...retirement })}\n`;
  await attempt(self, 'the retirement is not on disk', () => write(self, RETIREMENT_FILE, text));
}

/** Takes the record back: the instance goes on after all. */
export async function withdraw(self: Self): Promise<void> {
  const { instances, identity } = self;
  if (!instances) return;
  await attempt(self, 'the table still says that this instance retires', () =>
    within(self.clock, TABLE_MS, (signal) => instances.stays(identity.instanceId, signal)),
  );
}

/**
 * When this instance was ready first, and how to keep that on disk: an agent that starts again does not count its boot
 * anew. One that comes out of a warm pool is ready for the first time once more: it waits in its launch hook again.
 */
export async function firstReadyMs(
  self: Self,
  pooled: boolean,
): Promise<{ readyAtMs: number; first: boolean; keep: () => Promise<void> }> {
  const { instanceId } = self.identity;
  const knownMs = await knownReadyMs(self, pooled);
  if (knownMs !== undefined) return { readyAtMs: knownMs, first: false, keep: async () => undefined };
  const readyAtMs = self.clock.now();
  const text = `${JSON.stringify({ instanceId, readyAtMs, pooled })}\n`;
  const keep = () =>
    attempt(self, 'the time of readiness is not on disk', () => write(self, READY_FILE, text));
  return { readyAtMs, first: true, keep };
}

/** Whether an earlier run of the agent has put on disk that this instance is ready. */
export async function wasReady(self: Self, pooled: boolean): Promise<boolean> {
  return (await knownReadyMs(self, pooled)) !== undefined;
}

async function knownReadyMs(self: Self, pooled: boolean): Promise<number | undefined> {
  const known = await readReady(self);
  const isThis = known?.instanceId === self.identity.instanceId && (pooled || !known.pooled);
  return isThis ? known.readyAtMs : undefined;
}

async function readReady(self: Self): Promise<v.InferOutput<typeof ReadySchema> | undefined> {
  try {
    return v.parse(ReadySchema, JSON.parse(await readFile(join(self.stateDirectory, READY_FILE), 'utf8')));
  } catch (error) {
    if (!isMissing(error)) self.log.warn({ err: error }, `${READY_FILE} cannot be read, it is written anew`);
    return undefined;
  }
}

/** A reader never sees half a file. */
async function write(self: Self, name: string, text: string): Promise<void> {
  const path = join(self.stateDirectory, name);
  await mkdir(self.stateDirectory, { recursive: true });
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function attempt(self: Self, complaint: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    self.log.error({ err: error }, complaint);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
