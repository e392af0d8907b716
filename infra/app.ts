import { fleet, stackName } from './fleet.ts';
import { fleetApp } from './fleet-app.ts';

fleetApp(stackName, fleet).synth();
