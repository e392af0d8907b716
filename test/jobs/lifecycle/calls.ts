import type { Clients } from '../../../aws/clients.ts';
import { createClients } from '../../../aws/clients.ts';

/** How a call comes out: done; done, but its answer is lost; not done; done, and who made it is gone. */
export type Manner = 'well' | 'lost' | 'refused' | 'unheard';

/** A call that somebody has made and that has not reached its service yet. */
export interface Call {
  readonly caller: string;
  readonly action: string;
  readonly input: Record<string, unknown>;
  /** Resolves when it is over, whichever way. */
  come(manner: Manner): Promise<void>;
}

/** Takes the calls of a caller; `run` does what the service does. */
export type Exchange = (call: Call, service: keyof Clients) => void;

/** A caller's clients, whose every call waits for `exchange` to let it go on. One exchange after the other. */
export interface Seat {
  readonly clients: Clients;
  exchange: Exchange;
  /** What answers instead of a service. */
  instead: Partial<
    Record<keyof Clients, (action: string, input: Record<string, unknown>) => Promise<object>>
  >;
}

export function takeSeat(region: string, caller: string): Seat {
  const clients = createClients(region);
  const seat: Seat = { clients, exchange: () => undefined, instead: {} };
  for (const service of ['sqs', 'polls', 'dynamodb', 's3'] as const) {
    // Each client has its own type of middleware; what is needed here they have in common.
    const stack = clients[service].middlewareStack as unknown as Stack;
    stack.add(
      (next, { commandName }) =>
        (args) =>
          new Promise((resolve, reject) => {
            const instead = seat.instead[service];
            const run = async () =>
              instead
                ? { response: {}, output: { $metadata: {}, ...(await instead(commandName, args.input)) } }
                : next(args);
            const call: Call = {
              caller,
              action: commandName,
              input: args.input,
              come: async (manner) => {
                if (manner === 'refused') return reject(named('ThrottlingException', 'slow down'));
                const done = run();
                await done.catch(() => undefined);
                if (manner === 'lost') reject(named('TimeoutError', 'the answer was lost'));
                else if (manner === 'well') done.then(resolve, reject);
              },
            };
            seat.exchange(call, service);
          }),
      { step: 'initialize', name: 'exchange' },
    );
  }
  return seat;
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

interface Args {
  input: Record<string, unknown>;
}

interface Stack {
  add(
    middleware: (
      next: (args: Args) => Promise<object>,
      context: { commandName: string },
    ) => (args: Args) => Promise<object>,
    options: { step: 'initialize'; name: string },
  ): void;
}
