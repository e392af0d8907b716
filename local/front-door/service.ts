/**
 * A service of the embedded cloud, as the front door sees it.
 *
 * The front door reads the wire protocol (JSON 1.0/1.1, Query, EC2 Query, REST JSON), identifies the caller, writes the
 * call to the log, applies faults, checks the caller's policies and then calls the operation. An operation gets
 * AWS-shaped input and returns AWS-shaped output, whatever the protocol.
 */

import type { Socket } from 'node:net';
import type { CloudClock } from '../clock.ts';
import type { ConditionContext } from './conditions.ts';
import type { PolicyDocument } from './policy.ts';

/** The caller: the account's owner, or a role session that the cloud issued. */
export type Caller =
  | { kind: 'owner'; accessKeyId: string }
  | { kind: 'role'; accessKeyId: string; roleArn: string; sessionName: string };

export interface Call {
  /** Signing name of the service: `sqs`, `autoscaling`, `monitoring`, `ec2`, `cloudformation`, ... */
  service: string;
  action: string;
  caller: Caller;
  region: string;
  requestId: string;
  /** Aborted when the client hangs up, which ends long polls. */
  signal: AbortSignal;
}

export interface Operation {
  /** The action that IAM checks, where it differs from the called one (`SendMessageBatch` needs `sqs:SendMessage`). */
  iamAction?: string;
  /** The ARNs that IAM checks this call against. Default `['*']`, as for actions that AWS cannot scope. */
  resources?(input: Input): string[];
  /** IAM condition keys of this call (`aws:ResourceTag/...`, `autoscaling:...`), where a policy may use them. */
  conditions?(input: Input): ConditionContext;
  /** The policies of the bucket or queue that the call names. */
  resourcePolicies?(input: Input): readonly PolicyDocument[];
  /** The uses of KMS keys that the call needs. The caller must have permission for them too. */
  keyUses?(input: Input): readonly KeyUse[];
  /** The trust policy of the role that is to be assumed. It must trust the caller, even the owner. */
  trust?(input: Input): PolicyDocument;
  run(input: Input, call: Call): Promise<Output> | Output;
}

/** A call that a service makes to KMS with the permissions of its caller. */
export interface KeyUse {
  arn: string;
  /** The key's policy. */
  policy: PolicyDocument;
  /** `kms:Decrypt` */
  actions: readonly string[];
  /** The encryption context, as condition keys. */
  conditions: ConditionContext;
}

/**
 * AWS-shaped input, named as in the JavaScript SDK. The Query protocol has only strings: read numbers and booleans
 * through `read.ts`. In output, times are `Date`: the protocol decides their format.
 */
export type Input = Record<string, unknown>;
export type Output = Record<string, unknown> | undefined;

export interface Service {
  /** Signing name, as in the credential scope of the request. */
  name: string;
  /** IAM prefix where it differs from the signing name (`monitoring` signs, `cloudwatch` authorises). */
  iamPrefix?: string;
  /** XML namespace of Query answers. */
  xmlNamespace?: string;
  /** Error codes that differ in the Query protocol and in `x-amzn-query-error`: JSON's code to Query's. */
  queryErrorCodes?: Record<string, string>;
  /** The error code for a caller who may not use the key of a resource. Default `AccessDenied`. */
  keyRefusal?: string;
  /** For a service whose Query form is not the usual nesting with `member` lists (SQS flattens, EC2 renames). */
  query?: QueryForm;
  /** REST JSON services (Lambda, Scheduler): the operation for each method and path. */
  routes?: Route[];
  operations: Record<string, Operation>;
}

export interface QueryForm {
  /** From nested parameters to the operation's input. Old SQS clients post to the queue's path. */
  decode(action: string, parameters: Input, path: string): Input;
  /** The children of `<ActionResult>`, or of `<ActionResponse>` for EC2, as XML. */
  encode(action: string, output: Input): string;
}

/**
 * `{ method: 'POST', path: '/2015-03-31/functions/{FunctionName}/invocations', action: 'Invoke' }`. Names in braces
 * and query parameters become input beside the members of the JSON body. `rawBody` names the member that is the
 * body itself, both ways (Lambda's `Payload`), and the output's `StatusCode` is then the answer's status; `headers`
 * names the members that travel as headers, both ways.
 */
export interface Route {
  method: string;
  path: string;
  action: string;
  /** Status of a successful answer; default 200. */
  status?: number;
  rawBody?: string;
  headers?: Record<string, string>;
}

/** An error as AWS answers it. Any other error that an operation throws is a defect and answers `InternalFailure`. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  /** Further members of the error's shape (JSON protocols). */
  readonly details: Record<string, unknown>;
  constructor(code: string, message: string, status = 400, details: Record<string, unknown> = {}) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

/**
 * An AWS call from inside the cloud, made as the service itself: logged, but without policy check and faults.
 * CloudFormation makes resources with it, and services use one another with it. Rejects with `AwsError`.
 */
export type CallAws = (service: string, action: string, input: Input) => Promise<Record<string, unknown>>;

export interface SessionCredentials {
  AccessKeyId: string;
  SecretAccessKey: string;
  SessionToken: string;
  /** ISO 8601. */
  Expiration: string;
}

/** What every service of the cloud is created with. */
export interface CloudContext {
  call: CallAws;
  /** The same with the permissions of a role that the service was given. */
  callAs(roleArn: string, sessionName: string): CallAws;
  clock: CloudClock;
  /** The cloud's own directory: state, logs, instances. */
  directory: string;
  accountId: string;
  region: string;
  /** `http://127.0.0.1:<port>` of the front door. */
  endpoint(): string;
  /** A presigned URL of S3 with which anybody can put this object, for the longest possible time: a week. */
  presignPut(object: { Bucket: string; Key: string }): string;
  /** Takes a connection from a network of instances. Whoever calls through it does not count as the owner. */
  acceptFromInstance(socket: Socket): void;
  /** Issues credentials of a role session. The front door accepts them from then on as that role. */
  issueSession(roleArn: string, sessionName: string): SessionCredentials;
}

/** A service with timers or processes ends them in `close`. */
export interface RunningService {
  service: Service;
  close(): Promise<void>;
}
