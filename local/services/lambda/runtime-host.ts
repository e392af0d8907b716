/**
 * Runs a function's handler in a process of its own, as Lambda's Node.js runtime does. The parent sends an event and
 * waits for its outcome. The process then waits for the next one and keeps the module's state.
 */
import { existsSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { FrontDoorAgent } from './front-door-agent.ts';

export interface Invocation {
  requestId: string;
  event: unknown;
  deadlineMs: number;
  arn: string;
}

export type Outcome =
  | { requestId: string; ok: true; result: unknown }
  | { requestId: string; ok: false; error: { errorType: string; errorMessage: string; trace: string[] } };

type Handler = (event: unknown, context: object) => unknown;

/** The first message to the parent: the module was loaded, or has failed to load. */
export type ReadyMessage = 'ready';

const READY_MESSAGE: ReadyMessage = 'ready';

leadToTheFrontDoor();
const handler = load();
process.on('message', (work: Invocation) => {
  void run(work).then((outcome) => process.send?.(outcome));
});

// Without a parent there are no more events, however it ended.
process.on('disconnect', () => process.exit());

/** Functions answer CloudFormation at an `https:` URL of S3. `fetch` has its own agents, so they are not redirected. */
function leadToTheFrontDoor(): void {
  const { AWS_ENDPOINT_URL: endpoint } = process.env;
  if (endpoint !== undefined) https.globalAgent = new FrontDoorAgent(endpoint);
}

async function load(): Promise<Handler> {
  const { _HANDLER: name = '', LAMBDA_TASK_ROOT: root = '' } = process.env;
  const dot = name.lastIndexOf('.');
  const [path, exported] = [name.slice(0, dot), name.slice(dot + 1)];
  const file = ['.mjs', '.js', '.cjs']
    .map((extension) => join(root, path + extension))
    .find((one) => existsSync(one));
  if (!file) throw named('Runtime.ImportModuleError', `Cannot find module '${path}'`);
  const module: Record<string, unknown> = await import(pathToFileURL(file).href);
  const found = module[exported] ?? (module['default'] as Record<string, unknown> | undefined)?.[exported];
  if (typeof found !== 'function') {
    throw named('Runtime.HandlerNotFound', `${name} is undefined or not exported`);
  }
  return found as Handler;
}

// A failed load is the outcome of the next event, not an unhandled rejection.
handler.catch(() => {}).finally(() => process.send?.(READY_MESSAGE));

async function run({ requestId, event, deadlineMs, arn }: Invocation): Promise<Outcome> {
  const environment = process.env;
  const context = {
    awsRequestId: requestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: environment['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: environment['AWS_LAMBDA_FUNCTION_VERSION'],
    invokedFunctionArn: arn,
    logGroupName: environment['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: environment['AWS_LAMBDA_LOG_STREAM_NAME'],
    memoryLimitInMB: environment['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
  try {
    return { requestId, ok: true, result: await (await handler)(event, context) };
  } catch (error) {
    return { requestId, ok: false, error: describe(error) };
  }
}

function describe(error: unknown) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return {
    errorType: error.name,
    errorMessage: error.message,
    trace: (error.stack ?? '').split('\n'),
  };
}

function named(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}
