import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { Groups } from '../../../groups/groups.ts';
import type { JobRecord } from '../../../jobs/record.ts';
import { requestJobId } from '../../../jobs/released.ts';
import type { RequestPolicy } from '../../../policy/groups/state.ts';
import { toItem } from '../../../store/item.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryTable } from '../../support/memory-table.ts';
import type { Seats } from './seats.ts';

/** One who changes groups alone: each call is answered at once. */
export class Direct {
  readonly table = new MemoryTable();
  readonly clock = new ManualClock();
  readonly groups: Groups;

  constructor(seats: Seats) {
    const seat = seats.take();
    seat.instead = {
      dynamodb: (action, input) => this.table.answer(action, input),
      sqs: async () => ({}),
    };
    seat.exchange = (call) => void call.come('well');
    this.groups = new Groups({
      clients: seat.clients,
      ...{ table: 'jobs', queueUrl: 'queue', recordSeconds: 60, limits: { lanes: 1, maxLanes: 100 } },
      ...{ clock: this.clock, random: () => 0.5 },
    });
  }

  /** A held job comes into its group. */
  async add(id: string, group: string, target: string): Promise<void> {
    await this.groups.jobs.create(heldRecord(id, group, target));
    await this.groups.addPlain(group, [{ id, target }]);
  }

  /** A request comes into its group. */
  async request(
    id: string,
    group: string,
    targets: readonly string[],
    policy: RequestPolicy = {},
  ): Promise<void> {
    const { length: count } = targets;
    for (const [index, target] of targets.entries())
      await this.groups.jobs.create({
        ...heldRecord(requestJobId(id, group, index + 1), group, target),
        requestId: id,
      });
    await this.groups.requests.create({
      ...{
        id,
        state: 'open',
        generation: 1,
        digest: 'x',
        submittedAt: '2027-01-01T00:00:00Z',
        policy,
        count,
      },
      groups: [{ name: group, size: count, count }],
    });
    await this.sync(id);
  }

  async sync(id: string): Promise<void> {
    const request = await this.groups.requests.read(id);
    if (request) await this.groups.syncRequest(request);
  }

  /** The worker of a job has run, and the lane goes on. */
  async end(id: string, state: 'succeeded' | 'failed'): Promise<void> {
    const record = await this.groups.jobs.get(id);
    if (!record?.group) throw new Error(`there is no job ${id}`);
    const tries = [{ key: '1', instance: 'i-1', startedAt: '2027' }];
    const ended = { ...record, state, startedAt: '2027', tries };
    await this.groups.context.clients.dynamodb.send(
      new PutItemCommand({ TableName: 'jobs', Item: toItem(ended) }),
    );
    await this.groups.endJob(record.group, ended);
  }
}

function heldRecord(id: string, group: string, target: string): JobRecord {
  return { pk: `job#${id}`, id, state: 'held', attempts: 0, nonce: id, body: 'x', group, target };
}
