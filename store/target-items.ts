import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { fromItem } from './item.ts';
import { itemKey, targetKey } from './keys.ts';
import { updateExpression } from './update-expression.ts';

/** A target that a job has. */
export interface TargetState {
  /** The job that has the target, and its group. */
  job: string;
  group: string;
  since: string;
  /** Groups that have jobs for the target, and look again when it is free. */
  waiting?: string[];
}

/** The items of targets. A target without an item is free. */
export class TargetItems {
  readonly #client: DynamoDBClient;
  readonly #table: string;

  constructor(client: DynamoDBClient, table: string) {
    this.#client = client;
    this.#table = table;
  }

  async read(target: string): Promise<TargetState | undefined> {
    const { Item } = await this.#client.send(
      new GetItemCommand({ TableName: this.#table, Key: itemKey(targetKey(target)), ConsistentRead: true }),
    );
    return Item && (fromItem(Item) as unknown as TargetState);
  }

  /** Takes a target for a job. True as well if the job has it already. */
  take(target: string, job: string, group: string, nowMs: number): Promise<boolean> {
    return this.#update(target, {
      condition: 'attribute_not_exists(#pk) OR #job = :set_job',
      set: { job, group, since: new Date(nowMs).toISOString() },
    });
  }

  /**
   * Notes that a group waits for a target.
   *
   * @param holder the job that has the target
   * @returns false if that job does not have it any more
   */
  wait(target: string, holder: string, group: string): Promise<boolean> {
    return this.#update(target, {
      condition: '#job = :holder',
      values: { ':holder': holder },
      append: { waiting: [group] },
    });
  }

  /** Gives a target back. Returns the groups that wait for it. Nothing happens if the job does not have it. */
  async free(target: string, job: string): Promise<string[]> {
    try {
      const { Attributes } = await this.#client.send(
        new DeleteItemCommand({
          TableName: this.#table,
          Key: itemKey(targetKey(target)),
          ConditionExpression: '#job = :job',
          ExpressionAttributeNames: { '#job': 'job' },
          ExpressionAttributeValues: { ':job': { S: job } },
          ReturnValues: 'ALL_OLD',
        }),
      );
      const { waiting = [] } = (Attributes ? fromItem(Attributes) : {}) as unknown as Partial<TargetState>;
      return [...new Set(waiting)];
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return [];
      throw error;
    }
  }

  async #update(target: string, change: Parameters<typeof updateExpression>[0]): Promise<boolean> {
    try {
      await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#table,
          Key: itemKey(targetKey(target)),
          ...updateExpression(change),
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
  }
}
