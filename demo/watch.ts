import { setTimeout as delay } from 'node:timers/promises';
import { DescribeAutoScalingGroupsCommand } from '@aws-sdk/client-auto-scaling';
import { paginateDescribeInstances } from '@aws-sdk/client-ec2';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { OperatorClients } from './clients.ts';
import type { Sample } from './history.ts';

const INTERVAL_MS = 250;
/** The EC2 states of an instance that is not gone. */
const THERE: ReadonlySet<string> = new Set(['pending', 'running', 'shutting-down', 'stopping']);

export interface SeenInstance {
  id: string;
  launchedMs: number;
  /** When it was first missing. */
  endedMs?: number;
}

/** Watches a fleet with calls of AWS only, as any operator can. */
export interface Watch {
  readonly samples: readonly Sample[];
  readonly instances: ReadonlyMap<string, SeenInstance>;
  /** Resolves with the first sample for which `done` is true. Rejects if a call fails or the watch is stopped. */
  until(done: (sample: Sample) => boolean): Promise<Sample>;
}

export interface WatchOptions {
  clients: OperatorClients;
  queueUrl: string;
  group: string;
  signal: AbortSignal;
  onSample: (sample: Sample) => void;
}

export function watchFleet({ clients, queueUrl, group, signal, onSample }: WatchOptions): Watch {
  const samples: Sample[] = [];
  const instances = new Map<string, SeenInstance>();
  const waiting = new Set<(sample: Sample) => void>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});

  const takeSample = async () => {
    const [now, running] = await Promise.all([
      readFleetState(clients, queueUrl, group),
      noteInstances(clients, instances),
    ]);
    const sample = { atMs: Date.now(), ...now, running };
    samples.push(sample);
    onSample(sample);
    for (const check of waiting) check(sample);
  };
  const loop = async () => {
    while (!signal.aborted) {
      await takeSample();
      await delay(INTERVAL_MS, undefined, { signal });
    }
    signal.throwIfAborted();
  };
  loop().catch((error: unknown) => failed.reject(signal.aborted ? signal.reason : error));

  return {
    samples,
    instances,
    until(done) {
      const found = new Promise<Sample>((resolve) => {
        const check = (sample: Sample) => {
          if (!done(sample)) return;
          waiting.delete(check);
          resolve(sample);
        };
        waiting.add(check);
      });
      return Promise.race([found, failed.promise]);
    },
  };
}

/** Reads the depth of the queue and the desired capacity. */
export async function readFleetState(
  clients: OperatorClients,
  queueUrl: string,
  group: string,
): Promise<Pick<Sample, 'visible' | 'inFlight' | 'desired'>> {
  const [depth, desired] = await Promise.all([queueDepth(clients, queueUrl), desiredOf(clients, group)]);
  return { ...depth, desired };
}

async function queueDepth({ sqs }: OperatorClients, queueUrl: string) {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: queueUrl,
      AttributeNames: [
        'ApproximateNumberOfMessages',
        'ApproximateNumberOfMessagesNotVisible',
        'ApproximateNumberOfMessagesDelayed',
      ],
    }),
  );
  const visible = Number(Attributes['ApproximateNumberOfMessages'] ?? 0);
  const delayed = Number(Attributes['ApproximateNumberOfMessagesDelayed'] ?? 0);
  return {
    visible: visible + delayed,
    inFlight: Number(Attributes['ApproximateNumberOfMessagesNotVisible'] ?? 0),
  };
}

async function desiredOf({ autoScaling }: OperatorClients, group: string): Promise<number> {
  const { AutoScalingGroups = [] } = await autoScaling.send(
    new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [group] }),
  );
  return AutoScalingGroups[0]?.DesiredCapacity ?? 0;
}

/** Updates the instances. @returns the number of instances that are not gone */
async function noteInstances(
  { ec2 }: OperatorClients,
  instances: Map<string, SeenInstance>,
): Promise<number> {
  let there = 0;
  for await (const { Reservations = [] } of paginateDescribeInstances({ client: ec2 }, {})) {
    for (const { InstanceId, State, LaunchTime } of Reservations.flatMap(({ Instances = [] }) => Instances)) {
      if (!InstanceId) continue;
      const seen: SeenInstance = instances.get(InstanceId) ?? {
        id: InstanceId,
        launchedMs: LaunchTime?.getTime() ?? Date.now(),
      };
      instances.set(InstanceId, seen);
      if (THERE.has(State?.Name ?? '')) there += 1;
      else seen.endedMs ??= Date.now();
    }
  }
  return there;
}
