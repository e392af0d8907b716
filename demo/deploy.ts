import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { type CloudAccess, operatorEnvironment } from './clients.ts';
import { STACK_NAME } from './fleet.ts';

export interface DeployOptions {
  access: CloudAccess;
  /** For the cloud assembly and the outputs. */
  directory: string;
  /** Variables that `demo/app.ts` reads. */
  environment: Record<string, string>;
  signal: AbortSignal;
  /** Default: the demo's app. */
  app?: { file: string; stack: string };
  /** Called with each line that the command prints. */
  onLine?: (line: string) => void;
}

export interface DeployedStack {
  queueUrl: string;
  deadLetterQueueUrl: string;
  table: string;
  logBucket: string;
  group: string;
}

/**
 * Runs `cdk deploy` and reads the outputs of the stack.
 *
 * @throws Error with the last lines that the command printed
 */
export async function deploy(options: DeployOptions): Promise<DeployedStack> {
  const { app = { file: 'demo/app.ts', stack: STACK_NAME } } = options;
  const outputs = join(options.directory, 'outputs.json');
  const command = execa(
    'cdk',
    [
      'deploy',
      ...['--app', `node ${app.file}`],
      ...['--output', join(options.directory, 'cdk.out')],
      ...['--outputs-file', outputs],
      ...['--require-approval', 'never', '--progress', 'events', '--no-color', '--ci'],
    ],
    {
      preferLocal: true,
      localDir: import.meta.dirname,
      cwd: join(import.meta.dirname, '..'),
      // The validation of templates takes seconds, and this template is tested elsewhere.
      env: { ...operatorEnvironment(options.access), CDK_VALIDATION: 'false', ...options.environment },
      extendEnv: false,
      all: true,
      stdin: 'ignore',
      reject: false,
      cancelSignal: options.signal,
      forceKillAfterDelay: 2_000,
    },
  );
  for await (const line of command.iterable({ from: 'all' })) options.onLine?.(String(line));
  const { exitCode, all, isCanceled } = await command;
  options.signal.throwIfAborted();
  if (exitCode !== 0 || isCanceled) {
    throw new Error(`cdk deploy failed (exit status ${exitCode}):\n${errorSummary(String(all))}`);
  }
  return readOutputs(await readFile(outputs, 'utf8'), app.stack);
}

/** The command's summary of failed resources, or its last lines. */
function errorSummary(output: string): string {
  const lines = output.split('\n');
  const summary = lines.findIndex((line) => line.startsWith('Failed resources'));
  return lines.slice(summary >= 0 ? summary : -25).join('\n');
}

function readOutputs(json: string, stack: string): DeployedStack {
  const outputs = (JSON.parse(json) as Record<string, Record<string, string>>)[stack] ?? {};
  const output = (name: string): string => {
    const value = outputs[`Fleet${name}`];
    if (value === undefined) throw new Error(`the stack ${stack} has no output Fleet${name}`);
    return value;
  };
  return {
    queueUrl: output('QueueUrl'),
    deadLetterQueueUrl: output('DeadLetterQueueUrl'),
    table: output('TableName'),
    logBucket: output('LogBucketName'),
    group: output('GroupName'),
  };
}
