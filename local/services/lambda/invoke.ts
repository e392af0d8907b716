import type { Cancel } from '../../clock.ts';
import { optionalText } from '../../front-door/read.ts';
import {
  AwsError,
  type Call,
  type CloudContext,
  type Input,
  type Operation,
} from '../../front-door/service.ts';
import type { LambdaFunction } from './function.ts';
import type { Functions } from './functions.ts';
import type { Invoker } from './invoker.ts';
import { functionScope } from './operations.ts';

/** "Error handling for asynchronous invocation": a minute before the first retry, two before the second. */
const RETRY_PAUSES_MS = [60_000, 120_000];

/** Invoke, synchronously or asynchronously. */
export function invokeOperations(
  context: CloudContext,
  functions: Functions,
  invoker: Invoker,
): { operations: Record<string, Operation>; idle(functionArn: string): Promise<void>; close(): void } {
  const retries = new Set<Cancel>();
  const atWork = new Set<{ arn: string; done: Promise<unknown> }>();
  let closed = false;

  /** Never rejects: nobody waits for an event's result, which is in the function's log. */
  const runEvent = async (one: LambdaFunction, requestId: string, event: unknown, attempt: number) => {
    const done = invoker.invoke(one, requestId, event);
    const run = { arn: one.arn, done };
    atWork.add(run);
    const { error } = await done.catch(() => ({ error: undefined })).finally(() => atWork.delete(run));
    const pause = RETRY_PAUSES_MS[attempt];
    const allowed = one.eventInvoke?.maximumRetryAttempts ?? RETRY_PAUSES_MS.length;
    if (!error || closed || attempt >= allowed || pause === undefined) return;
    const cancel = context.clock.after(pause, () => {
      retries.delete(cancel);
      void runEvent(one, requestId, event, attempt + 1);
    });
    retries.add(cancel);
  };

  const invoke = async (input: Input, call: Call) => {
    const one = functions.get(input);
    const event = readPayload(input['Payload']);
    const type = optionalText(input, 'InvocationType') ?? 'RequestResponse';
    if (type === 'DryRun') return { StatusCode: 204 };
    if (type === 'Event') {
      void runEvent(one, call.requestId, event, 0);
      return { StatusCode: 202 };
    }
    const result = await invoker.invoke(one, call.requestId, event);
    return {
      StatusCode: 200,
      ExecutedVersion: '$LATEST',
      FunctionError: result.error,
      LogResult:
        optionalText(input, 'LogType') === 'Tail' ? Buffer.from(result.tail).toString('base64') : undefined,
      Payload: Buffer.from(result.payload),
    };
  };

  return {
    operations: { Invoke: { ...functionScope(context), iamAction: 'InvokeFunction', run: invoke } },
    idle: async (arn) => {
      await Promise.allSettled([...atWork].filter((run) => run.arn === arn).map(({ done }) => done));
    },
    close: () => {
      closed = true;
      for (const cancel of retries) cancel();
    },
  };
}

function readPayload(payload: unknown): unknown {
  const body = payload instanceof Uint8Array ? Buffer.from(payload).toString('utf8') : String(payload ?? '');
  if (body === '') return {};
  try {
    return JSON.parse(body);
  } catch {
    throw new AwsError(
      'InvalidRequestContentException',
      'Could not parse request body into json: the payload is not valid JSON.',
    );
  }
}
