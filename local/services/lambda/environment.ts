import { type ChildProcess, fork } from 'node:child_process';
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { CloudContext, SessionCredentials } from '../../front-door/service.ts';
import type { LambdaFunction } from './function.ts';
import type { Invocation, Outcome, ReadyMessage } from './runtime-host.ts';

/** The host's first message. It is not imported, as the host's module runs when it is imported. */
const READY: ReadyMessage = 'ready';
/**
 * "The Init phase is limited to 10 seconds", which do not count as the function's own time (Lambda execution
 * environment).
 */
const LONGEST_INIT_MS = 10_000;

/** The host's module: source in the repository, JavaScript in the package. */
const HOST = fileURLToPath(import.meta.resolve(`./runtime-host${import.meta.url.slice(-3)}`));

/** The path of the AWS SDK, which Lambda's Node.js runtime has for every function. It is that of this program. */
const RUNTIME_MODULES = (createRequire(import.meta.url).resolve.paths('@aws-sdk/client-s3') ?? []).join(
  delimiter,
);

/** An environment whose credentials expire sooner than a function may run gets no further invocation. */
const SPARE_CREDENTIALS_MS = 16 * 60_000;
const TAIL_BYTES = 4096;

/** The result of an invocation. */
export interface Result {
  payload: string;
  error: 'Unhandled' | undefined;
  /** The last 4 KB of its log. */
  tail: string;
}

/** An execution environment: a process that runs one invocation at a time. */
export class Environment {
  readonly #context: CloudContext;
  readonly #function: LambdaFunction;
  readonly #process: ChildProcess;
  readonly #credentials: SessionCredentials;
  readonly #log: WriteStream;
  readonly #ended: Promise<string>;
  readonly #ready: Promise<unknown>;
  #alive = true;
  #tail = '';

  constructor(context: CloudContext, one: LambdaFunction, paths: { code: string; log: string }) {
    this.#context = context;
    this.#function = one;
    this.#credentials = context.issueSession(one.configuration.roleArn, one.name);
    mkdirSync(dirname(paths.log), { recursive: true });
    this.#log = createWriteStream(paths.log, { flags: 'a' });
    this.#process = fork(HOST, {
      cwd: paths.code,
      env: environmentOf(context, one, this.#credentials, paths.code),
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk: Buffer) => this.#write(chunk.toString('utf8')));
    }
    this.#ended = new Promise((resolve) => {
      this.#process.once('error', (error) => resolve(error.message));
      this.#process.once('exit', (code, signal) =>
        resolve(signal ? `signal: ${signal}` : `exit status ${code}`),
      );
    }).then((how) => {
      this.#alive = false;
      this.#log.end();
      return String(how);
    });
    this.#ready = Promise.race([
      new Promise<void>((resolve) => {
        this.#process.on('message', (message) => {
          if (message === READY) resolve();
        });
      }),
      this.#ended,
    ]);
  }

  /** Whether it can run another invocation. */
  get usable(): boolean {
    const left = Date.parse(this.#credentials.Expiration) - this.#context.clock.now();
    return this.#alive && left > SPARE_CREDENTIALS_MS;
  }

  async invoke(requestId: string, event: unknown): Promise<Result> {
    const { timeoutSeconds } = this.#function.configuration;
    await within(LONGEST_INIT_MS, this.#ready);
    const started = Date.now();
    this.#tail = '';
    this.#write(`START RequestId: ${requestId} Version: $LATEST\n`);
    const deadlineMs = started + timeoutSeconds * 1000;
    const work: Invocation = { requestId, event, deadlineMs, arn: this.#function.arn };
    const outcome = await this.#outcome(work, timeoutSeconds);
    // The handler's output was in the pipes before its outcome was sent: this turn of the event loop reads it.
    await turn();
    const duration = `${Date.now() - started} ms`;
    this.#write(`END RequestId: ${requestId}\nREPORT RequestId: ${requestId}\tDuration: ${duration}\n`);
    if (outcome.ok)
      return { payload: JSON.stringify(outcome.result ?? null), error: undefined, tail: this.#tail };
    this.#write(`${requestId}\tERROR\t${JSON.stringify(outcome.error)}\n`);
    return { payload: JSON.stringify(outcome.error), error: 'Unhandled', tail: this.#tail };
  }

  /** Ends the process at once. */
  async end(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }

  /** Waits for the first of the answer, the end of the process and the time-out. */
  async #outcome(work: Invocation, timeoutSeconds: number): Promise<Outcome> {
    const answered = new Promise<Outcome>((resolve) => {
      const listener = (message: Outcome) => {
        if (message.requestId !== work.requestId) return;
        this.#process.off('message', listener);
        resolve(message);
      };
      this.#process.on('message', listener);
    });
    const crashed = this.#ended.then((how) =>
      failed(work, 'Runtime.ExitError', `Runtime exited with error: ${how}`),
    );
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Outcome>((resolve) => {
      const message = `Task timed out after ${timeoutSeconds.toFixed(2)} seconds`;
      timer = setTimeout(() => resolve(failed(work, 'Sandbox.Timedout', message)), timeoutSeconds * 1000);
    });
    if (this.#alive) this.#process.send(work, () => {});
    const outcome = await Promise.race([answered, crashed, late]);
    clearTimeout(timer);
    if (!outcome.ok && outcome.error.errorType === 'Sandbox.Timedout') await this.end();
    return outcome;
  }

  #write(lines: string): void {
    this.#tail = (this.#tail + lines).slice(-TAIL_BYTES);
    if (this.#log.writable) this.#log.write(lines);
  }
}

/** Waits for the event, for at most this time. */
async function within(ms: number, event: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([event, late]);
  clearTimeout(timer);
}

function failed({ requestId }: Invocation, errorType: string, what: string): Outcome {
  const errorMessage = `RequestId: ${requestId} Error: ${what}`;
  return { requestId, ok: false, error: { errorType, errorMessage, trace: [] } };
}

/** "Defined runtime environment variables", and AWS's endpoint. The environment of this process is not passed on. */
function environmentOf(
  context: CloudContext,
  { name, configuration }: LambdaFunction,
  credentials: SessionCredentials,
  code: string,
): NodeJS.ProcessEnv {
  return {
    ...configuration.environment,
    AWS_ACCESS_KEY_ID: credentials.AccessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.SecretAccessKey,
    AWS_SESSION_TOKEN: credentials.SessionToken,
    AWS_DEFAULT_REGION: context.region,
    AWS_REGION: context.region,
    AWS_ENDPOINT_URL: configuration.environment['AWS_ENDPOINT_URL'] ?? context.endpoint(),
    AWS_EXECUTION_ENV: `AWS_Lambda_${configuration.runtime}`,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(configuration.memoryMb),
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: 'local',
    HOME: join(code, '..'),
    LAMBDA_TASK_ROOT: code,
    LANG: 'en_US.UTF-8',
    NODE_PATH: RUNTIME_MODULES,
    PATH: process.env['PATH'],
    TZ: ':UTC',
    _HANDLER: configuration.handler,
  };
}
