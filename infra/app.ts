import { env, fleet, stackName } from './fleet.ts';
import { createFleetApp } from './fleet-app.ts';

createFleetApp(stackName, fleet, env).synth();
