import { randomUUID } from 'node:crypto';
import { authorize, isAllowed, type PolicyAccount } from './authorize.ts';
import { type CallLog, type CallRecord, callerName, INTERNAL_CALLER, summariseInput } from './call-log.ts';
import { type Faults, NoAnswerError } from './faults.ts';
import type { PolicyDocument } from './policy.ts';
import {
  AwsError,
  type Call,
  type CallAws,
  type Caller,
  type CloudContext,
  type Input,
  type Operation,
  type Output,
  type Service,
} from './service.ts';

/** Every call passes through here, whatever its protocol: log, faults, policies, operation. */
export interface Dispatcher {
  /** Rejects with `AwsError`, or with `NoAnswerError` when a fault hides the answer. */
  perform(service: Service, operation: Operation, input: Input, call: Call): Promise<Output>;
  /** Logs a call that the front door rejected: it could not be read, or its caller is unknown. */
  refuse(call: Omit<Call, 'caller'>, error: AwsError): void;
  /** Finds the operation. An unknown one rejects with AWS's own error, which names it and is logged. */
  find(call: Call, input: Input): { service: Service; operation: Operation };
  /** Whether a caller may also do this (`s3:ListBucket`) to a resource (an ARN) that has these policies. */
  allows(call: Call, action: string, resource: string, documents: readonly PolicyDocument[]): boolean;
  /** Calls from inside a region: as the service itself, or with a role that a service was given. */
  callsFrom(region: string): Pick<CloudContext, 'call' | 'callAs'>;
}

export interface DispatcherOptions extends PolicyAccount {
  log: CallLog;
  faults: Faults;
  /** The services of an open region. */
  servicesOf(region: string): ReadonlyMap<string, Service>;
  now(): number;
}

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const inside = new AbortController().signal;

  function find(call: Call, input: Input): { service: Service; operation: Operation } {
    const service = options.servicesOf(call.region).get(call.service);
    // Own properties only: an action named `constructor` is unknown.
    const operation =
      service && Object.hasOwn(service.operations, call.action) ? service.operations[call.action] : undefined;
    if (service && operation) return { service, operation };
    const error = unknownOperation(call, service);
    options.log.write({ ...startRecord(call, input, options.now()), ...failure(error) });
    throw error;
  }

  async function perform(service: Service, operation: Operation, input: Input, call: Call): Promise<Output> {
    const record = startRecord(call, input, options.now());
    const started = performance.now();
    const run = async (actual: Input) => {
      authorize(service, operation, actual, call, options);
      return operation.run(actual, call);
    };
    try {
      const strike = (name: string) => {
        record.fault = name;
      };
      const output = await options.faults.apply(input, call, run, strike);
      record.status = typeof output?.['StatusCode'] === 'number' ? output['StatusCode'] : 200;
      return output;
    } catch (thrown) {
      const error = thrown instanceof NoAnswerError ? thrown : asAwsError(thrown, call);
      Object.assign(record, failure(error));
      throw error;
    } finally {
      record.durationMs = Math.round((performance.now() - started) * 10) / 10;
      options.log.write(record);
    }
  }

  const callFrom =
    (region: string, caller: Caller): CallAws =>
    async (service, action, input) => {
      const details: Call = {
        service,
        action,
        caller,
        region,
        requestId: randomUUID(),
        signal: inside,
      };
      const found = find(details, input);
      return (await perform(found.service, found.operation, input, details)) ?? {};
    };

  const refuse: Dispatcher['refuse'] = (details, error) => {
    const record = startRecord({ ...details, caller: NOBODY }, {}, options.now());
    options.log.write({ ...record, ...failure(error), caller: 'unknown' });
  };

  return {
    ...{ perform, refuse, find },
    allows: (call, action, resource, documents) => isAllowed(call, action, resource, options, documents),
    callsFrom: (region) => ({
      call: callFrom(region, INSIDE_CALLER),
      callAs: (roleArn, sessionName) =>
        callFrom(region, { kind: 'role', accessKeyId: INTERNAL_CALLER, roleArn, sessionName }),
    }),
  };
}

const INSIDE_CALLER = { kind: 'owner', accessKeyId: INTERNAL_CALLER } as const;

/** Stands in for the caller of a call that was refused before its caller was identified. */
const NOBODY = { kind: 'owner', accessKeyId: '' } as const;

function startRecord(call: Call, input: Input, atMs: number): CallRecord {
  return {
    atMs,
    region: call.region,
    service: call.service,
    action: call.action,
    caller: callerName(call.caller),
    input: summariseInput(input),
    status: 0,
    durationMs: 0,
  };
}

function failure(error: AwsError | NoAnswerError): Pick<CallRecord, 'status' | 'error' | 'message'> {
  if (error instanceof NoAnswerError) return { status: 0, error: error.kind };
  return { status: error.status, error: error.code, message: error.message };
}

function unknownOperation(call: Call, service: Service | undefined): AwsError {
  const what = service
    ? `action '${call.action}' of '${call.service}'`
    : `service '${call.service}' (${call.action})`;
  const code = service?.xmlNamespace ? 'InvalidAction' : 'UnknownOperationException';
  return new AwsError(code, `The embedded cloud does not implement the ${what}.`);
}

/** Anything but an `AwsError` is a defect of the cloud: its stack goes to stderr, and the caller gets AWS's error. */
function asAwsError(thrown: unknown, call: Call): AwsError {
  if (thrown instanceof AwsError) return thrown;
  console.error(`The embedded cloud failed at ${call.service} ${call.action}:`, thrown);
  return new AwsError('InternalFailure', thrown instanceof Error ? thrown.message : String(thrown), 500);
}
