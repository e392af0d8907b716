import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceRecord, Retirement } from '../../jobs/record.ts';
import { withTimeout } from '../../lib/with-timeout.ts';
import type { InstanceContext } from './instance-context.ts';
import { tryWriteStateFile } from './state-file.ts';

/**
 * A file of the state directory, written when a retirement is complete. Whoever started the agent finds it after the
 * agent has ended successfully, and powers the instance off.
 */
const RETIREMENT_FILE = 'retirement.json';
const TABLE_MS = 10_000;

/**
 * Removes the file of an earlier run. An instance that was rebooted during its retirement works on, and must not be
 * powered off when its agent ends for another reason. Rejects if the file cannot be removed.
 */
export async function removeRetirementFile(stateDirectory: string): Promise<void> {
  await rm(join(stateDirectory, RETIREMENT_FILE), { force: true });
}

/**
 * Writes a retirement to the log, and to the table if there is one. A failed write is logged and does not delay the
 * retirement.
 */
export async function recordRetirement(
  self: InstanceContext,
  retirement: Retirement,
  message: string,
  listing: InstanceRecord['listing'],
): Promise<void> {
  const { instances, identity, log } = self;
  log.info({ retirement }, message);
  if (!instances) return;
  await logFailure(self, 'the retirement is not in the table', () =>
    withTimeout(self.clock, TABLE_MS, (signal) =>
      instances.recordRetirement(identity.instanceId, retirement, listing, signal),
    ),
  );
}

/** Asks whoever started the agent to power the instance off once the agent has ended. */
export async function requestPowerOff(self: InstanceContext, retirement: Retirement): Promise<void> {
  const text = `${JSON.stringify({ instance: self.identity.instanceId, ...retirement })}\n`;
  await tryWriteStateFile(self, RETIREMENT_FILE, text, 'the retirement is not on disk');
}

/** Removes the retirement from the table: the instance goes on. */
export async function withdrawRetirement(self: InstanceContext): Promise<void> {
  const { instances, identity } = self;
  if (!instances) return;
  await logFailure(self, 'the table still says that this instance retires', () =>
    withTimeout(self.clock, TABLE_MS, (signal) => instances.cancelRetirement(identity.instanceId, signal)),
  );
}

async function logFailure(
  self: InstanceContext,
  message: string,
  action: () => Promise<unknown>,
): Promise<void> {
  try {
    await action();
  } catch (error) {
    self.log.error({ err: error }, message);
  }
}
