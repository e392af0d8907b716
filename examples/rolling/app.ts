/** The CDK app of the example. The directory of the servers is `$SHOP`. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { createFleetApp } from '../../infra/fleet-app.ts';

const { SHOP } = process.env;
if (!SHOP) throw new Error('set the variable SHOP to the directory of the servers');

// The servers are on this machine, and so are the instances: they have the same Node.
const node = process.execPath;

createFleetApp('Rolling', {
  workerDirectory: `${import.meta.dirname}/worker`,
  command: [node, './restart.mjs'],
  commands: {
    healthy: [node, './healthy.mjs'],
    rollBack: [node, './roll-back.mjs'],
  },
  // At most a quarter of the servers of a group are out at a time: 4 of the 16 of shop/web, and 2 of the 8 of shop/api.
  groups: { lanes: '25%' },
  environment: { SHOP },
  limit: Duration.minutes(1),
  concurrency: 6,
  maxCapacity: 2,
  // Long enough for a reader who looks around between two commands.
  idleTimeout: Duration.minutes(10),
  removalPolicy: RemovalPolicy.DESTROY,
}).synth();
