import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startClock } from '../../../local/clock.ts';
import { type CallRecord, openCallLog } from '../../../local/front-door/call-log.ts';
import { createDispatcher } from '../../../local/front-door/dispatch.ts';
import { createFaults, type Faults } from '../../../local/front-door/faults.ts';
import { openFrontDoor } from '../../../local/front-door/server.ts';
import type { CallAws, CloudContext, RunningService } from '../../../local/front-door/service.ts';
import { createSessions } from '../../../local/front-door/sessions.ts';
import type { Instance, InstanceSpec, Launcher } from '../../../local/instances/launcher.ts';
import { createCompute } from '../../../local/services/compute.ts';
import { createDynamoDb } from '../../../local/services/dynamodb/service.ts';
import type { Machines } from '../../../local/services/ec2/machines.ts';
import { startFauxqs } from '../../../local/services/fauxqs.ts';
import { createSqs } from '../../../local/services/sqs/service.ts';

/** As much of the embedded cloud as the life of an instance needs. The tests play what runs on its machines. */
export interface FleetCloud {
  endpoint: string;
  directory: string;
  call: CallAws;
  faults: Faults;
  machines: Machines;
  launcher: EmptyMachines;
  calls: CallRecord[];
  /** Resolves with the first call, from now on, that the test is waiting for. */
  nextCall(is: (call: CallRecord) => boolean): Promise<CallRecord>;
  close(): Promise<void>;
}

const REGION = 'us-east-1';

export async function startFleetCloud(): Promise<FleetCloud> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-life-'));
  const clock = startClock(1);
  const log = await openCallLog(join(directory, 'calls.jsonl'));
  const faults = createFaults();
  const sessions = createSessions(clock.now);
  const dispatcher = createDispatcher({
    log,
    faults,
    region: REGION,
    policiesOf: () => [],
    now: clock.now,
  });
  const fauxqs = await startFauxqs();
  let endpoint = '';
  const context: CloudContext = {
    call: dispatcher.call,
    clock,
    directory,
    accountId: '000000000000',
    region: REGION,
    endpoint: () => endpoint,
    issueSession: (roleArn, sessionName) => sessions.issue(roleArn, sessionName),
  };
  const launcher = new EmptyMachines();
  const compute = createCompute(context, launcher);
  const running: RunningService[] = [createSqs(context, fauxqs), createDynamoDb(context), ...compute.running];
  for (const { service } of running) dispatcher.services.set(service.name, service);
  const s3 = async () => {};
  const door = await openFrontDoor({ port: 0, region: REGION, dispatcher, sessions, faults, s3 });
  endpoint = `http://127.0.0.1:${door.port}`;
  const calls: CallRecord[] = [];
  log.onCall((call) => calls.push(call));
  return {
    endpoint,
    directory,
    call: dispatcher.call,
    faults,
    machines: compute.machines,
    launcher,
    calls,
    nextCall: (is) =>
      new Promise((resolve) => {
        const stop = log.onCall((call) => {
          if (!is(call)) return;
          stop();
          resolve(call);
        });
      }),
    async close() {
      await door.close();
      for (const { close } of running.toReversed()) await close();
      clock.close();
      await fauxqs.close();
      await log.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Machines on which nothing runs by itself: a test takes the part of their agent. */
export class EmptyMachines implements Launcher {
  readonly #booted = new EventEmitter();
  readonly #specs: InstanceSpec[] = [];

  async launch(spec: InstanceSpec): Promise<Instance> {
    const off = Promise.withResolvers<{ reason: string }>();
    const end = async (reason: string) => off.resolve({ reason });
    this.#specs.push(spec);
    this.#booted.emit('boot');
    return { gone: off.promise, terminate: () => end('terminated'), destroy: () => end('destroyed') };
  }

  /** The machines that have power, once there are so many. */
  async booted(count: number): Promise<InstanceSpec[]> {
    while (this.#specs.length < count) await once(this.#booted, 'boot');
    return this.#specs.slice(0, count);
  }
}
