import * as v from 'valibot';
import type { AgentConfigInput } from '../../agent/config/agent-config.ts';
import { systemClock } from '../../aws/clock.ts';
import { Fleet } from '../../client/fleet.ts';
import { FleetFactsSchema } from '../../store/fleet-facts.ts';
import { environmentOf, runs } from './command.ts';
import { type Agent, type TestQueue, testQueues } from './test-queue.ts';

const BUCKET = 'logs';
const PARAMETER = '/mayfly/Test/Fleet';

/** A fleet in the embedded cloud with one agent, in this process. */
export interface FleetWithAgent {
  fleet: Fleet;
  bench: TestQueue;
  /** Starts the agent, with a worker that runs this shell script. It stops at the end of the test. */
  startAgent(script: string, config?: Partial<AgentConfigInput>): Promise<Agent>;
  /** The environment in which a command finds the fleet by its stack. */
  env: Record<string, string>;
  /** Runs the command, as a user does. Never rejects because of an exit status. */
  mayfly(...args: string[]): ReturnType<typeof runs>;
  /** The same, with standard input. */
  mayflyReading(input: string, ...args: string[]): ReturnType<typeof runs>;
}

/** Opens a cloud for each test file and queues for each test: `const open = fleetsWithAgent()` at the top of a file. */
export function fleetsWithAgent(): () => Promise<FleetWithAgent> {
  const openQueues = testQueues();
  let hasBucket = false;
  return async () => {
    const bench = await openQueues();
    const { cloud, clients, queueUrl } = bench;
    if (!hasBucket) await cloud.call('s3', 'CreateBucket', { Bucket: BUCKET });
    hasBucket = true;
    const names = { queueUrl, table: 'jobs', logBucket: BUCKET, group: 'group' };
    const deadLetterQueueUrl = `${queueUrl}-dead`;
    const facts = v.parse(FleetFactsSchema, {
      version: 1,
      fleet: 'Test/Fleet',
      region: cloud.region,
      ...names,
      deadLetterQueueUrl,
      commands: ['healthy', 'rollBack'],
    });
    const groups = { lanes: 1, maxLanes: 20, checkLimitSeconds: 60, notNowLimitSeconds: 60 };
    const Value = JSON.stringify({ ...facts, groups });
    await cloud.call('ssm', 'PutParameter', { Name: PARAMETER, Type: 'String', Value, Overwrite: true });
    const env = { ...environmentOf(cloud, bench.directory), MAYFLY_STACK: 'Test' };
    const options = { cwd: bench.directory, env };
    return {
      bench,
      env,
      mayfly: (...args) => runs(args, options),
      mayflyReading: (input, ...args) => runs(args, options, input),
      fleet: new Fleet({ facts, clients, clock: systemClock, random: Math.random }),
      async startAgent(script, config = {}) {
        const usual = { logBucket: BUCKET, cancelSeconds: 0.2, concurrency: 4 };
        const agent = await bench.agent(script, { ...usual, ...config });
        agent.work.resume();
        return agent;
      },
    };
  };
}
