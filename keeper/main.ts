import { AwsClock } from '../aws/aws-clock.ts';
import { type Clients, createClients } from '../aws/clients.ts';
import { createLog } from '../aws/log.ts';
import { type KeeperConfig, readKeeperConfig } from './config.ts';
import { runKeeper } from './run.ts';

let made: { clients: Clients; clock: AwsClock; config: KeeperConfig } | undefined;

/** The Lambda handler. The schedule invokes it once a minute. The environment is read at the first invocation only. */
export async function handler(): Promise<{ actions: string[] }> {
  made ??= setUp(process.env);
  const log = createLog('info', { fleet: made.config.fleet });
  const actions = await runKeeper(made.clients, made.config, made.clock, log);
  return { actions: actions.map((action) => action.do) };
}

function setUp(env: NodeJS.ProcessEnv): NonNullable<typeof made> {
  const config = readKeeperConfig(env['KEEPER_CONFIG']);
  const region = env['AWS_REGION'];
  if (!region) throw new Error('AWS_REGION is not set: Lambda sets it; elsewhere set it yourself');
  const clock = new AwsClock();
  return { clients: createClients(region, clock), clock, config };
}
