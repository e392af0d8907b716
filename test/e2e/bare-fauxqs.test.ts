import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateQueueCommand, GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { execa } from 'execa';
import { buildApp } from 'fauxqs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AgentConfigInput } from '../../agent/config/agent-config.ts';
import { groupRuns, parseJournal } from '../../checker/journal.ts';
import {
  type CloudAccess,
  type OperatorClients,
  operatorClients,
  operatorEnvironment,
} from '../../demo/clients.ts';
import { sendJobs } from '../../demo/send.ts';
import { bundle } from '../../infra/bundle/bundle.ts';

const REGION = 'us-east-1';

let directory: string;
let queues: ReturnType<typeof buildApp>;
let access: CloudAccess;
let clients: OperatorClients;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-bare-'));
  queues = buildApp({ logger: false, host: 'localhost' });
  const endpoint = await queues.listen({ port: 0, host: '127.0.0.1' });
  access = { endpoint, region: REGION, owner: { accessKeyId: 'any', secretAccessKey: 'any' } };
  clients = operatorClients(access);
});

afterEach(async () => {
  clients.destroy();
  await queues.close();
  await rm(directory, { recursive: true, force: true });
});

it('an agent with only a queue runs jobs, and retires with the last escalation step, on record', async () => {
  const { QueueUrl: queueUrl = '' } = await clients.sqs.send(new CreateQueueCommand({ QueueName: 'jobs' }));
  const sent = await sendJobs(clients.sqs, queueUrl, ['one', 'two', 'three']);
  const journal = join(directory, 'journal.jsonl');
  const agent = await runAgent({
    version: 1,
    fleet: 'bare',
    region: REGION,
    queueUrl,
    command: ['node', './worker.mjs'],
    environment: { JOURNAL: journal },
    concurrency: 2,
    retirement: { idleSeconds: 1, ladderSeconds: 2 },
  });
  expect(agent.exitCode, agent.all).toBe(0);
  const runs = groupRuns(parseJournal(await readFile(journal, 'utf8')));
  expect(runs.map(({ job, status }) => [job, status]).toSorted()).toEqual(
    sent.map((job) => [job, 0]).toSorted(),
  );
  const { Attributes } = await clients.sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  expect(Attributes).toEqual({
    ApproximateNumberOfMessages: '0',
    ApproximateNumberOfMessagesNotVisible: '0',
  });
  const retirement: unknown = JSON.parse(await readFile(join(directory, 'state', 'retirement.json'), 'utf8'));
  expect(retirement).toMatchObject({ reason: 'idle', rung: 'power-off', jobsDone: 3 });
}, 180_000);

/** Runs the agent's bundle from a tree, as an instance unpacks it, until the agent exits. */
async function runAgent(config: AgentConfigInput) {
  const tree = join(directory, 'tree');
  await mkdir(join(tree, 'agent'), { recursive: true });
  await mkdir(join(tree, 'worker'));
  await writeFile(join(tree, 'agent', 'agent.mjs'), bundle('agent'));
  await writeFile(
    join(tree, 'worker', 'worker.mjs'),
    await readFile(join(import.meta.dirname, '../fixtures/worker/worker.mjs')),
  );
  await writeFile(join(directory, 'agent.json'), JSON.stringify(config));
  return execa(
    process.execPath,
    [join(tree, 'agent', 'agent.mjs'), '--config', join(directory, 'agent.json')],
    {
      env: { ...operatorEnvironment(access), STATE_DIRECTORY: join(directory, 'state') },
      extendEnv: false,
      all: true,
      reject: false,
      timeout: 120_000,
    },
  );
}
