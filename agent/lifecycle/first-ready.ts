import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import type { InstanceContext } from './instance-context.ts';
import { tryWriteStateFile } from './state-file.ts';

const READY_FILE = 'ready.json';
const ReadySchema = v.object({
  instanceId: v.string(),
  readyAtMs: v.number(),
  /** The instance was ready for its warm pool only. */
  pooled: v.optional(v.boolean(), false),
});

/**
 * Returns when this instance was first ready, and how to keep that on disk: an agent that starts again does not count the
 * boot again. An instance that leaves its warm pool waits in its launch hook again, so it is ready for the first time once
 * more.
 */
export async function findFirstReady(
  self: InstanceContext,
  pooled: boolean,
): Promise<{ readyAtMs: number; first: boolean; keep: () => Promise<void> }> {
  const { instanceId } = self.identity;
  const knownMs = await knownReadyMs(self, pooled);
  if (knownMs !== undefined) return { readyAtMs: knownMs, first: false, keep: async () => undefined };
  const readyAtMs = self.clock.now();
  const text = `${JSON.stringify({ instanceId, readyAtMs, pooled })}\n`;
  const keep = () => tryWriteStateFile(self, READY_FILE, text, 'the time of readiness is not on disk');
  return { readyAtMs, first: true, keep };
}

/** Whether an earlier run of the agent has put on disk that this instance is ready. */
export async function wasReady(self: InstanceContext, pooled: boolean): Promise<boolean> {
  return (await knownReadyMs(self, pooled)) !== undefined;
}

async function knownReadyMs(self: InstanceContext, pooled: boolean): Promise<number | undefined> {
  const known = await readReadyFile(self);
  const isThis = known?.instanceId === self.identity.instanceId && (pooled || !known.pooled);
  return isThis ? known.readyAtMs : undefined;
}

async function readReadyFile(self: InstanceContext): Promise<v.InferOutput<typeof ReadySchema> | undefined> {
  try {
    return v.parse(ReadySchema, JSON.parse(await readFile(join(self.stateDirectory, READY_FILE), 'utf8')));
  } catch (error) {
    if (!isMissing(error)) self.log.warn({ err: error }, `${READY_FILE} cannot be read: it is written again`);
    return undefined;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
