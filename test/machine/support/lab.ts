import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { afterEach, beforeEach, inject } from 'vitest';
import type { Machine as Power } from '../../../local/machines/machine.ts';
import {
  createMachineLauncher,
  type MachineLauncher,
  type MachineLauncherOptions,
} from '../../../local/machines/machine-launcher.ts';
import { missingForMachines } from '../../../local/machines/requirements.ts';
import type { Ec2Instance } from '../../../local/services/ec2/ec2-instance.ts';
import { startTestCloud, type TestCloud } from '../../../local/test/support/cloud.ts';
import { eventually } from '../../support/eventually.ts';
import { TIMEOUT_MS } from './fleet.ts';

/** Machines without a fleet, for tests of the machines themselves. */
export interface Lab {
  cloud: TestCloud;
  launcher: MachineLauncher;
  shared: string;
  /** Launches machines whose user-data runs these shell lines once. */
  launch(lines: string, count?: number): Promise<Ec2Instance[]>;
  /** Waits for the end of the boot. Throws if systemd is `degraded`. */
  booted(machine: Ec2Instance): Promise<Power>;
}

/** Opens a lab for each test of a file, and closes it after the test. Tests are skipped if this host cannot boot machines. */
export function labs(): (options?: Partial<MachineLauncherOptions>) => Promise<Lab> {
  const missing = missingForMachines();
  const open: (() => Promise<void>)[] = [];
  beforeEach(({ skip }) => {
    if (missing) skip(missing);
  });
  afterEach(async () => {
    for (const close of open.splice(0).toReversed()) await close();
  });
  return async (options) => {
    const shared = await mkdtemp(join(tmpdir(), 'mayfly-shared-'));
    open.push(() => rm(shared, { recursive: true }));
    const launcher = await createMachineLauncher({
      ...{ release: inject('release'), onProgress: console.error },
      ...{ ...options, shared },
    });
    const cloud = await startTestCloud({ launcher });
    open.push(cloud.close);
    return { cloud, launcher, shared, ...verbs(cloud, launcher) };
  };
}

function verbs(cloud: TestCloud, launcher: MachineLauncher): Pick<Lab, 'launch' | 'booted'> {
  return {
    async launch(lines, count = 1) {
      const ec2 = new EC2Client(cloud.client);
      const script = `#!/bin/sh\nset -eu\n${lines}\n`;
      const { Instances = [] } = await ec2.send(
        new RunInstancesCommand({
          ...{ ImageId: 'ami-1', MinCount: count, MaxCount: count },
          UserData: Buffer.from(script).toString('base64'),
          InstanceInitiatedShutdownBehavior: 'terminate',
          MetadataOptions: { HttpTokens: 'required' },
        }),
      );
      ec2.destroy();
      return Instances.map(({ InstanceId = '' }) => cloud.instances.get(InstanceId));
    },
    booted({ id }) {
      const look = async () => {
        const power = launched(launcher, id);
        const asked = await power?.run('systemctl', 'is-system-running', '--wait').catch(() => undefined);
        const state = asked?.stdout.trim();
        if (state === 'degraded') throw new Error((await power?.run('systemctl', '--failed'))?.stdout);
        return state === 'running' && power;
      };
      return eventually(`the boot of ${id}`, look, TIMEOUT_MS);
    },
  };
}

function launched(launcher: MachineLauncher, id: string): Power | undefined {
  try {
    return launcher.machine(id);
  } catch {
    return undefined;
  }
}
