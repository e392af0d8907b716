import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { TERMINAL_STATES } from '../../../jobs/record.ts';
import { eventually } from '../../support/eventually.ts';
import { readOutput } from '../../support/job-output.ts';
import { type MachineFleet, TIMEOUT_MS } from './fleet.ts';

/** The record of a job that has ended. Numbers are strings, as in DynamoDB; absent values are empty. */
export interface EndedJob {
  state: string;
  output: string;
  reason: string;
  attempts: string;
  /** Where it ran last. */
  instance: string;
}

export async function waitForJobEnd(fleet: MachineFleet, job: string): Promise<EndedJob> {
  const look = async () => {
    const { Item = {} } = await fleet.clients.dynamodb.send(
      new GetItemCommand({ TableName: fleet.stack.table, Key: { pk: { S: `job#${job}` } } }),
    );
    const [state, reason, instance] = ['state', 'reason', 'instance'].map((name) => Item[name]?.S ?? '') as [
      string,
      string,
      string,
    ];
    const ended = (TERMINAL_STATES as ReadonlySet<string>).has(state);
    return (
      ended && { state, output: readOutput(Item), reason, instance, attempts: Item['attempts']?.N ?? '' }
    );
  };
  return eventually(`the end of ${job} in its record`, look, TIMEOUT_MS);
}
