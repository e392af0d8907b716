import { join } from 'node:path';
import type { CloudClock } from './clock.ts';
import { createCloudFormation } from './cloudformation/cloudformation.ts';
import type { Dispatcher } from './front-door/dispatch.ts';
import { presign } from './front-door/presign.ts';
import { AwsError, type CloudContext, type RunningService, type Service } from './front-door/service.ts';
import type { OwnerKeys, Sessions } from './front-door/sessions.ts';
import type { Launcher } from './instances/launcher.ts';
import { createCompute } from './services/compute.ts';
import type { Ec2Instances } from './services/ec2/ec2-instances.ts';
import { addBootstrapRoles } from './services/iam/service.ts';
import type { IamStore } from './services/iam/store.ts';
import type { Keys } from './services/kms/keys.ts';
import type { Objects } from './services/objects.ts';
import { createStorage } from './services/storage.ts';

/** One region, with queues, tables, stacks and instances of its own. */
export interface Region {
  context: CloudContext;
  services: ReadonlyMap<string, Service>;
  instances: Ec2Instances;
  markInactive(queueName: string): void;
}

/** What all regions of the account share. */
export interface CloudAccount extends Pick<CloudContext, 'accountId' | 'endpoint' | 'acceptFromInstance'> {
  /** The region that the cloud was started with. */
  defaultRegion: string;
  directory: string;
  clock: CloudClock;
  launcher: Launcher;
  owner: OwnerKeys;
  sessions: Sessions;
  iam: IamStore;
  /** IAM and STS. */
  services: readonly Service[];
}

interface OpenRegion extends Region {
  keys: Keys;
  close(): Promise<void>;
}

/** "AWS Regions and Availability Zones": the form of the region names of the partition `aws`. */
const NAME =
  /^(af|ap|ca|eu|il|me|mx|sa|us)-(central|east|north|northeast|northwest|south|southeast|southwest|west)-\d$/;

const LONGEST_PRESIGNED_SECONDS = 604_800;

/** The regions of the account. A region starts with its first use. */
export class Regions {
  readonly #account: CloudAccount;
  readonly #dispatcher: Dispatcher;
  readonly #objects: Objects;
  readonly #opening = new Map<string, Promise<OpenRegion>>();
  readonly #open = new Map<string, OpenRegion>();
  #instances = 0;
  #closed = false;

  constructor(account: CloudAccount, dispatcher: Dispatcher, objects: Objects) {
    this.#account = account;
    this.#dispatcher = dispatcher;
    this.#objects = objects;
  }

  /** @throws `SignatureDoesNotMatch` if it is not the name of a region */
  async open(name: string): Promise<Region> {
    if (name !== this.#account.defaultRegion && !NAME.test(name)) {
      const message = `Credential should be scoped to a valid region, '${name}' is not a region of the partition aws.`;
      throw new AwsError('SignatureDoesNotMatch', message, 403);
    }
    if (this.#closed) throw new AwsError('ServiceUnavailable', 'The embedded cloud is closing.', 503);
    const opening = this.#opening.get(name) ?? this.#start(name);
    this.#opening.set(name, opening);
    return opening;
  }

  /** The services of a region; empty if it is not open. */
  servicesOf(name: string): ReadonlyMap<string, Service> {
    return this.#open.get(name)?.services ?? new Map();
  }

  keysOf(name: string): Keys | undefined {
    return this.#open.get(name)?.keys;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const all = await Promise.all(this.#opening.values());
    for (const region of all.toReversed()) await region.close();
  }

  async #start(name: string): Promise<OpenRegion> {
    const { accountId, clock, iam, launcher } = this.#account;
    const context = this.#contextOf(name);
    const { running: storage, keys, queueActivity } = await createStorage(context, this.#dispatcher.allows);
    const compute = createCompute(context, launcher, queueActivity, () => this.#instances++);
    const running: RunningService[] = [...storage, createCloudFormation(context), ...compute.running];
    const own = [...running.map(({ service }) => service), ...this.#account.services, this.#objects.service];
    const region: OpenRegion = {
      ...{ context, keys, services: new Map(own.map((service) => [service.name, service])) },
      instances: compute.instances,
      markInactive: (queueName) => queueActivity.markInactive(queueName),
      close: async () => {
        for (const one of running.toReversed()) await one.close();
      },
    };
    this.#open.set(name, region);
    addBootstrapRoles(iam, { accountId, now: () => clock.now() }, name);
    await this.#objects.addBootstrapBucket(context);
    return region;
  }

  #contextOf(region: string): CloudContext {
    const { accountId, clock, defaultRegion, directory, endpoint, acceptFromInstance, owner, sessions } =
      this.#account;
    return {
      ...this.#dispatcher.callsFrom(region),
      ...{ accountId, clock, endpoint, acceptFromInstance, region },
      directory: region === defaultRegion ? directory : join(directory, region),
      issueSession: (roleArn, sessionName) => sessions.issue(roleArn, sessionName),
      presignPut: ({ Bucket, Key }) =>
        presign(`https://${Bucket}.s3.localhost/${Key}`, {
          ...{ method: 'PUT', keys: owner, region, expiresSeconds: LONGEST_PRESIGNED_SECONDS },
          // By this machine's time, as clients sign.
          atMs: Date.now(),
        }),
    };
  }
}
