import { readFile } from 'node:fs/promises';
import { DescribeScalingActivitiesCommand } from '@aws-sdk/client-auto-scaling';
import { callerInstance, parseCalls, readInput } from '../../../checker/calls.ts';
import type { CallFacts } from '../../../checker/facts.ts';
import type { MachineFleet } from './fleet.ts';

/** What the cloud knows about a machine. */
export interface Traces {
  /** Its calls, of one action or all, in order. */
  calls(instance: string, action?: string): Promise<CallFacts[]>;
  /** The status of each of its calls of one action, in order. */
  statuses(instance: string, action: string): Promise<number[]>;
  /** Whether its termination decremented the desired capacity. */
  decremented(instance: string): Promise<boolean>;
  /** The log that it saved in the log bucket, with its key. */
  savedLog(instance: string): Promise<{ key: string; text: string } | undefined>;
  /** The retirement in its record, with the properties of `Retirement` as strings. */
  retirement(instance: string): Promise<Record<string, string> | undefined>;
  /** The messages of a unit in its journal, or all. */
  lines(instance: string, unit?: string): Promise<string[]>;
  /** The descriptions and causes of its scaling activities, the newest first. */
  activities(instance: string): Promise<string[]>;
}

export function tracesOf(fleet: MachineFleet): Traces {
  const calls = async (instance: string, action?: string): Promise<CallFacts[]> => {
    const all = parseCalls(await readFile(fleet.cloud.logFile, 'utf8'));
    const own = all.filter(
      (call) => callerInstance(call) === instance && call.action === (action ?? call.action),
    );
    return own.toSorted((a, b) => a.atMs - b.atMs);
  };
  return {
    calls,
    statuses: async (instance, action) => (await calls(instance, action)).map(({ status }) => status),
    async decremented(instance) {
      const accepted = (await calls(instance, 'TerminateInstanceInAutoScalingGroup')).filter(
        ({ status }) => status === 200,
      );
      return accepted.some((call) => String(readInput(call, 'ShouldDecrementDesiredCapacity')) === 'true');
    },
    async savedLog(instance) {
      const put = (await calls(instance, 'PutObject')).find(({ status }) => status === 200);
      if (!put) return undefined;
      const [Bucket, Key] = [readInput(put, 'Bucket'), readInput(put, 'Key')];
      const { Body } = (await fleet.cloud.call('s3', 'GetObject', { Bucket, Key })) as { Body: Buffer };
      return { key: String(Key), text: Body.toString('utf8') };
    },
    async retirement(instance) {
      const map = (await fleet.record(instance))?.['retirement']?.M;
      return map && Object.fromEntries(Object.entries(map).map(([name, { S, N }]) => [name, S ?? N ?? '']));
    },
    async lines(instance, unit) {
      return (await fleet.machineJournal(instance, unit)).map(({ MESSAGE }) => MESSAGE);
    },
    async activities(instance) {
      const { Activities = [] } = await fleet.clients.autoScaling.send(
        new DescribeScalingActivitiesCommand({ AutoScalingGroupName: fleet.stack.group }),
      );
      return Activities.map(({ Description, Cause }) => `${Description} ${Cause}`).filter((text) =>
        text.includes(instance),
      );
    },
  };
}
