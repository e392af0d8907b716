import { mkdir } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type CloudClock, startClock } from './clock.ts';
import { createCloudFormation } from './cloudformation/cloudformation.ts';
import { type CallListener, type CallLog, openCallLog } from './front-door/call-log.ts';
import { createDispatcher } from './front-door/dispatch.ts';
import { createFaults, type Faults } from './front-door/faults.ts';
import { presign } from './front-door/presign.ts';
import { openFrontDoor } from './front-door/server.ts';
import type { CallAws, CloudContext } from './front-door/service.ts';
import { createSessions, drawOwnerKeys, type OwnerKeys } from './front-door/sessions.ts';
import type { Launcher } from './instances/launcher.ts';
import { createProcessLauncher } from './instances/process-launcher.ts';
import { LAB_ADDRESS } from './machines/addresses.ts';
import { type Compute, createCompute } from './services/compute.ts';
import { addBootstrapRoles, createIam } from './services/iam/service.ts';
import { createIamStore } from './services/iam/store.ts';
import { createStorage } from './services/storage.ts';
import { createSts } from './services/sts/service.ts';

export interface CloudOptions {
  /** Of the front door, on 127.0.0.1. Default 0: any free one. */
  port?: number;
  /** Where the cloud keeps its log (`calls.jsonl`) and its instances' directories. Made if it is not there. */
  directory: string;
  /** How many times faster than AWS's own the cloud's periods pass. Default 1. See `clock.ts`. */
  speed?: number;
  /** Default `us-east-1`. */
  region?: string;
  /** How an instance runs. Default: as a process group on this machine. */
  launcher?: Launcher;
  /** A clock of one's own instead, as tests have it. */
  clock?: CloudClock;
}

export interface Cloud {
  /** `http://127.0.0.1:<port>`: what `AWS_ENDPOINT_URL` is set to. */
  endpoint: string;
  region: string;
  accountId: string;
  /** What the account's owner signs with. Whoever is told the secret may do everything, and nobody else may. */
  owner: OwnerKeys;
  /** `calls.jsonl`: one line a call. The 100 MB before the last 100 MB are in `calls.jsonl.1`, older lines are gone. */
  logFile: string;
  faults: Faults;
  /** Calls AWS as the cloud itself: unchecked, but logged. */
  call: CallAws;
  context: CloudContext;
  /** The instances, for whoever plays AWS's part: a Spot notice, a sudden death. */
  machines: Compute['machines'];
  /** Lets a queue be quiet, as one is that nobody has used for six hours: no metrics come of it until it is used. */
  quieten(queueName: string): void;
  /** Tells of every call as it ends. Returns how to stop. */
  onCall(listener: CallListener): () => void;
  /** Ends everything: no process, timer or connection is left. */
  close(): Promise<void>;
}

const ACCOUNT_ID = '000000000000';
const LONGEST_PRESIGNED_SECONDS = 604_800;

/**
 * Starts the embedded cloud. Its state is in memory and gone with it. Rejects with a sentence when the port or the
 * directory cannot be had.
 */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { directory, region = 'us-east-1', port = 0 } = options;
  const logFile = join(directory, 'calls.jsonl');
  const log = await prepareDirectory(directory, logFile);
  const owner = drawOwnerKeys();
  const parts = await assemble(options, region, log, owner);
  const { dispatcher, sessions, faults, context, machines } = parts;
  const s3 = parts.handleS3;
  const { clock } = context;
  const instances = parts.launcher.kind;
  const doorOptions = {
    ...{ port, region, dispatcher, sessions, faults, s3, clock, instances },
    guestName: LAB_ADDRESS,
  };
  const door = await openFrontDoor(doorOptions).catch(async (error: unknown) => {
    await parts.close();
    throw error;
  });
  parts.endpoint = `http://127.0.0.1:${door.port}`;
  parts.admitGuest = door.admitGuest;
  await parts.addBootstrapBucket();
  return {
    endpoint: parts.endpoint,
    region,
    accountId: ACCOUNT_ID,
    owner,
    logFile,
    faults,
    call: dispatcher.call,
    context,
    machines,
    quieten: parts.quieten,
    onCall: log.onCall,
    close: async () => {
      await door.close();
      await parts.close();
    },
  };
}

/** All services, introduced to each other; nothing listens yet. */
async function assemble(options: CloudOptions, region: string, log: CallLog, owner: OwnerKeys) {
  const started = startClock(options.speed ?? 1);
  const clock = options.clock ?? started;
  const now = () => clock.now();
  const sessions = createSessions(now, owner);
  const faults = createFaults();
  const iam = createIamStore();
  const names = { accountId: ACCOUNT_ID, now };
  addBootstrapRoles(iam, names, region);
  const account = { accountId: ACCOUNT_ID, policiesOf: iam.policiesOf };
  const dispatcher = createDispatcher({ log, faults, region, ...account, now });
  const context: CloudContext = {
    call: dispatcher.call,
    callAs: dispatcher.callAs,
    clock,
    directory: options.directory,
    accountId: ACCOUNT_ID,
    region,
    endpoint: () => parts.endpoint,
    admitGuest: (visitor) => parts.admitGuest(visitor),
    issueSession: (roleArn, sessionName) => sessions.issue(roleArn, sessionName),
    presignPut: ({ Bucket, Key }) =>
      presign(`https://${Bucket}.s3.localhost/${Key}`, {
        ...{ method: 'PUT', keys: owner, region, expiresSeconds: LONGEST_PRESIGNED_SECONDS },
        // By the time of this machine, as clients sign.
        atMs: Date.now(),
      }),
  };
  const { running: storage, ...stored } = await createStorage(context, dispatcher);
  const { handleS3, queueActivity, addBootstrapBucket } = stored;
  const launcher = options.launcher ?? createProcessLauncher();
  const compute = createCompute(context, launcher, queueActivity);
  const running = [
    ...storage,
    createIam(iam, names),
    createSts(context, sessions, iam),
    createCloudFormation(context),
    ...compute.running,
  ];
  for (const { service } of running) dispatcher.services.set(service.name, service);
  const close = async () => {
    for (const service of running.toReversed()) await service.close();
    started.close();
    await log.close();
  };
  const { machines } = compute;
  /** The last two are known once the front door is open. */
  const parts = {
    ...{ context, dispatcher, sessions, faults, launcher, machines, handleS3, addBootstrapBucket, close },
    quieten: (queueName: string) => queueActivity.quieten(queueName),
    endpoint: '',
    admitGuest: (visitor: Socket): void => void visitor.destroy(),
  };
  return parts;
}

async function prepareDirectory(directory: string, logFile: string): Promise<CallLog> {
  try {
    await mkdir(directory, { recursive: true });
    return openCallLog(logFile);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The directory ${directory} cannot be written (${reason}): choose another one.`);
  }
}
