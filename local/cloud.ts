import { mkdir } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { type CloudClock, startClock } from './clock.ts';
import { type CallListener, type CallLog, openCallLog } from './front-door/call-log.ts';
import { createDispatcher } from './front-door/dispatch.ts';
import { createFaults, type Faults } from './front-door/faults.ts';
import { openFrontDoor } from './front-door/server.ts';
import type { CallAws, CloudContext } from './front-door/service.ts';
import { createOwnerKeys, createSessions, type OwnerKeys } from './front-door/sessions.ts';
import type { Launcher } from './instances/launcher.ts';
import { createProcessLauncher } from './instances/process-launcher.ts';
import { CLOUD_ADDRESS } from './machines/addresses.ts';
import { type CloudAccount, type Region, Regions } from './regions.ts';
import type { Ec2Instances } from './services/ec2/ec2-instances.ts';
import { createIam } from './services/iam/service.ts';
import { createIamStore } from './services/iam/store.ts';
import { createObjects } from './services/objects.ts';
import { createSts } from './services/sts/service.ts';

export interface CloudOptions {
  /** The port of the front door, on 127.0.0.1. Default 0: any free one. */
  port?: number;
  /** The directory of the cloud's log (`calls.jsonl`) and of its instances. Created if it does not exist. */
  directory: string;
  /** How many times faster than AWS's the cloud's periods pass. Default 1. See `clock.ts`. */
  speed?: number;
  /** Default `us-east-1`. */
  region?: string;
  /** How an instance runs. Default: as a process group on this machine. */
  launcher?: Launcher;
  /** Replaces the cloud's clock in tests. */
  clock?: CloudClock;
}

/** One region of the cloud. Resources belong to one region. */
export interface CloudRegion {
  /** Calls AWS as the cloud itself: without policy checks, but logged. */
  call: CallAws;
  context: CloudContext;
  /** The instances. Tests use them to act as AWS: to send a Spot notice, or to fail a host. */
  instances: Ec2Instances;
  /** Makes a queue inactive, as after six hours without use: it reports no metrics until it is used. */
  markInactive(queueName: string): void;
}

/** The cloud, and the region that it was started with. */
export interface Cloud extends CloudRegion {
  /** `http://127.0.0.1:<port>`, the value for `AWS_ENDPOINT_URL`. */
  endpoint: string;
  region: string;
  accountId: string;
  /** The access keys of the account's owner, who may do everything. Only those who are given the secret have access. */
  owner: OwnerKeys;
  /**
   * `calls.jsonl`, one line per call. `calls.jsonl.1` has the 100 MB before the last 100 MB; older lines are deleted.
   */
  logFile: string;
  faults: Faults;
  /** Another region, by the name of one of AWS's. It starts with its first use. */
  inRegion(name: string): Promise<CloudRegion>;
  /** Calls `listener` for every call as it ends. Returns a function that stops it. */
  onCall(listener: CallListener): () => void;
  /** Ends everything. No process, timer or connection is left. */
  close(): Promise<void>;
}

const ACCOUNT_ID = '000000000000';

/**
 * Starts the embedded cloud. Its state is in memory and ends with it. Rejects with a message for a person if the port
 * or the directory cannot be used.
 */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const { directory, region = 'us-east-1', port = 0 } = options;
  const logFile = join(directory, 'calls.jsonl');
  const log = await prepareDirectory(directory, logFile);
  const owner = createOwnerKeys();
  const parts = await assemble(options, region, log, owner);
  const { sessions, faults, clock, dispatcher, regions, objects, launcher } = parts;
  const frontDoor = await openFrontDoor({
    ...{ port, region, dispatcher, sessions, faults, clock, instanceHostName: CLOUD_ADDRESS },
    ...{ s3: objects.handle, instances: launcher.kind, openRegion: (name: string) => regions.open(name) },
  }).catch(async (error: unknown) => {
    await parts.close();
    throw error;
  });
  parts.endpoint = `http://127.0.0.1:${frontDoor.port}`;
  parts.acceptFromInstance = frontDoor.acceptFromInstance;
  const inRegion = async (name: string) => viewOf(await regions.open(name));
  return {
    ...(await inRegion(region)),
    ...{ endpoint: parts.endpoint, region, accountId: ACCOUNT_ID, owner, logFile, faults, inRegion },
    onCall: log.onCall,
    close: async () => {
      await frontDoor.close();
      await parts.close();
    },
  };
}

function viewOf({ context, instances, markInactive }: Region): CloudRegion {
  return { call: context.call, context, instances, markInactive };
}

/** Creates the account and its regions. No region is open yet, and nothing listens yet. */
async function assemble(options: CloudOptions, defaultRegion: string, log: CallLog, owner: OwnerKeys) {
  const started = startClock(options.speed ?? 1);
  const clock = options.clock ?? started;
  const now = () => clock.now();
  const sessions = createSessions(now, owner);
  const faults = createFaults();
  const iam = createIamStore();
  const dispatcher = createDispatcher({
    ...{ log, faults, now, accountId: ACCOUNT_ID, policiesOf: iam.policiesOf },
    servicesOf: (region) => parts.regions.servicesOf(region),
  });
  const objects = await createObjects(clock, dispatcher, (region) => parts.regions.keysOf(region));
  const launcher = options.launcher ?? createProcessLauncher();
  const names = { accountId: ACCOUNT_ID, now };
  const account: CloudAccount = {
    ...{ accountId: ACCOUNT_ID, defaultRegion, directory: options.directory },
    ...{ clock, launcher, owner, sessions, iam },
    services: [createIam(iam, names).service, createSts(ACCOUNT_ID, sessions, iam).service],
    endpoint: () => parts.endpoint,
    acceptFromInstance: (socket) => parts.acceptFromInstance(socket),
  };
  const regions = new Regions(account, dispatcher, objects);
  const close = async () => {
    await regions.close();
    await objects.close();
    await launcher.close?.();
    started.close();
    await log.close();
  };
  /** The last two are set once the front door is open. */
  const parts = {
    ...{ sessions, faults, clock, dispatcher, regions, objects, launcher, close },
    endpoint: '',
    acceptFromInstance: (socket: Socket): void => void socket.destroy(),
  };
  return parts;
}

async function prepareDirectory(directory: string, logFile: string): Promise<CallLog> {
  try {
    await mkdir(directory, { recursive: true });
    return openCallLog(logFile);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The directory ${directory} is not writable (${reason}): choose another one.`);
  }
}
