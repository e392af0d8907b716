import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { InstanceRecord, Retirement } from '../../jobs/record.ts';
import { type Self, within } from './self.ts';

/** For people and for what collects an instance's last words: its name in the state directory. */
export const RETIREMENT_FILE = 'retirement.json';
const READY_FILE = 'ready.json';
const ReadySchema = v.object({ instanceId: v.string(), readyAtMs: v.number() });
const TABLE_MS = 10_000;

/**
 * Puts a retirement on record: in the log, on disk, and in the table if there is one. A record that cannot be written
 * is reported and holds nothing up: an instance that must go goes.
 */
export async function record(
  self: Self,
  retirement: Retirement,
  message: string,
  listing: InstanceRecord['listing'],
): Promise<void> {
  const { instances, identity, log } = self;
  log.info({ retirement }, message);
  const text = `${JSON.stringify({ instance: identity.instanceId, ...retirement })}\n`;
  await attempt(self, 'the retirement is not on disk', () => write(self, RETIREMENT_FILE, text));
  if (!instances) return;
  await attempt(self, 'the retirement is not in the table', () =>
    within(self.clock, TABLE_MS, (signal) =>
      instances.retiring(identity.instanceId, retirement, listing, signal),
    ),
  );
}

/** Takes the record back: the instance goes on after all. */
export async function withdraw(self: Self): Promise<void> {
  const { instances, identity } = self;
  await attempt(self, 'the retirement is still on disk', () =>
    rm(join(self.stateDirectory, RETIREMENT_FILE), { force: true }),
  );
  if (!instances) return;
  await attempt(self, 'the table still says that this instance retires', () =>
    within(self.clock, TABLE_MS, (signal) => instances.stays(identity.instanceId, signal)),
  );
}

/** When this instance was ready first: an agent that starts again does not count its boot anew. */
export async function firstReadyMs(self: Self): Promise<{ readyAtMs: number; first: boolean }> {
  const { instanceId } = self.identity;
  const known = await readReady(self);
  if (known?.instanceId === instanceId) return { readyAtMs: known.readyAtMs, first: false };
  const readyAtMs = self.clock.now();
  const text = `${JSON.stringify({ instanceId, readyAtMs })}\n`;
  await attempt(self, 'the time of readiness is not on disk', () => write(self, READY_FILE, text));
  return { readyAtMs, first: true };
}

async function readReady(self: Self): Promise<{ instanceId: string; readyAtMs: number } | undefined> {
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
