import { env, fleet, stackName } from './fleet.ts';
import { fleetApp } from './fleet-app.ts';

fleetApp(stackName, fleet, env).synth();
