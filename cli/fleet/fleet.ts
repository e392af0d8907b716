import type { FleetFacts } from '../../jobs/fleet-facts.ts';
import type { FleetContext } from './context.ts';
import { explained, explainedEach } from './explain.ts';
import { type FindOptions, findFleet } from './find.ts';
import { type LogEvent, type LogOptions, readJobLog } from './logs.ts';

export type { FindOptions } from './find.ts';

/** A deployed fleet, for those who give it jobs and look after it. Every method rejects with a `FleetError`. */
export class Fleet {
  readonly context: FleetContext;

  /** By what is known of it already. `Fleet.find` looks it up. */
  constructor(context: FleetContext) {
    this.context = context;
  }

  /** Finds a deployed fleet; see `FindOptions`. Close it when it is of no more use. */
  static async find(options: FindOptions = {}): Promise<Fleet> {
    return new Fleet(await findFleet(options));
  }

  /** What is known of it. */
  get facts(): FleetFacts {
    return this.context.facts;
  }

  /** The output of a job, now or until it has ended; see `readJobLog`. */
  logs(id: string, options: LogOptions = {}): AsyncGenerator<LogEvent> {
    return explainedEach(this.facts, readJobLog(this.context, id, options));
  }

  /** Closes its connections. */
  close(): void {
    this.context.clients.destroy();
  }

  #do<T>(run: (context: FleetContext) => Promise<T>): Promise<T> {
    return explained(this.facts, () => run(this.context));
  }
}
