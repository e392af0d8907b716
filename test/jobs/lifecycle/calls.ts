import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { type Clients, createClients } from '../../../aws/clients.ts';

/** What happens to a call: done; done, but its response is lost; not done; done, and its caller is gone. */
export type Manner = 'well' | 'lost' | 'refused' | 'unheard';

/** A call that was made and has not reached its service yet. */
export interface Call {
  readonly caller: string;
  readonly action: string;
  readonly input: Record<string, unknown>;
  /** When it was made, monotonic milliseconds. The exchange sets it. */
  sinceMs: number;
  /** Of a write that was done: the item afterwards. */
  written?: Record<string, AttributeValue> | undefined;
  /** Resolves when it is over, with or without an error. */
  come(manner: Manner): Promise<void>;
}

/** Takes the calls of a caller; `run` does what the service does. */
export type Exchange = (call: Call, service: keyof Clients) => void;

/** The clients of a caller. Each call waits until `exchange` lets it go on, one call after the other. */
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
  for (const service of ['sqs', 'polls', 'dynamodb', 's3', 'cloudWatch'] as const) {
    // Each client has its own type of middleware. They have in common what is needed here.
    const stack = clients[service].middlewareStack as unknown as Stack;
    const middleware: Middleware =
      (next, { commandName }) =>
      (args) => {
        const instead = seat.instead[service];
        const answer = async () => ({ response: {}, output: await instead?.(commandName, args.input) });
        return new Promise((resolve, reject) => {
          const call: Call = {
            caller,
            action: commandName,
            input: args.input,
            sinceMs: 0,
            async come(manner) {
              if (manner === 'refused') return reject(named('ThrottlingException', 'slow down'));
              const done = instead
                ? answer()
                : commandName === 'UpdateItemCommand'
                  ? update(call, next)
                  : commandName === 'PutItemCommand'
                    ? put(call, next)
                    : next(args);
              await done.catch(() => undefined);
              if (manner === 'lost') reject(named('TimeoutError', 'the answer was lost'));
              else if (manner === 'well') done.then(resolve, reject);
            },
          };
          seat.exchange(call, service);
        });
      };
    stack.add(middleware, { step: 'initialize', name: 'exchange' });
  }
  return seat;
}

/** Makes the write return the item afterwards, whether its caller asks for it or not. */
async function update(call: Call, next: Next): Promise<Result> {
  const { ReturnValues: asked, ...input } = call.input;
  const { output, ...rest } = await next({ input: { ...input, ReturnValues: 'ALL_NEW' } });
  const { Attributes, ...others } = output as { Attributes?: Call['written'] };
  call.written = Attributes;
  return { ...rest, output: asked === 'ALL_NEW' ? output : others };
}

async function put(call: Call, next: Next): Promise<Result> {
  const result = await next({ input: call.input });
  call.written = call.input['Item'] as Call['written'];
  return result;
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

interface Args {
  input: Record<string, unknown>;
}

interface Result {
  output?: object | undefined;
}

type Next = (args: Args) => Promise<Result>;
type Middleware = (next: Next, context: { commandName: string }) => Next;

interface Stack {
  add(middleware: Middleware, options: { step: 'initialize'; name: string }): void;
}
