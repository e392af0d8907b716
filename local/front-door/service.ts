/**
 * What a service of the embedded cloud looks like to the front door.
 *
 * The front door reads the wire protocol (JSON 1.0/1.1, Query, EC2 Query, REST JSON), finds out who calls,
 * writes the call to the log, lets faults strike, checks the caller's policies and only then calls the operation.
 * An operation sees plain AWS-shaped input and returns plain AWS-shaped output, whatever the protocol.
 */

import type { Socket } from 'node:net';
import type { CloudClock } from '../clock.ts';
import type { ConditionContext } from './conditions.ts';
import type { PolicyDocument } from './policy.ts';

/** Who calls: the account's owner, or a role session that the cloud itself handed out. */
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
  /** Aborted when the client hangs up: long polls end then. */
  signal: AbortSignal;
}

export interface Operation {
  /** The action that IAM checks, where it is not the called one (`SendMessageBatch` needs `sqs:SendMessage`). */
  iamAction?: string;
  /** The ARNs that IAM checks this call against. Default `['*']`, as for actions that AWS cannot scope. */
  resources?(input: Input): string[];
  /** IAM condition keys of this call (`aws:ResourceTag/...`, `autoscaling:...`), where a policy may use them. */
  conditions?(input: Input): ConditionContext;
  /** The policies of the resource that is called about: a bucket's or a queue's. */
  resourcePolicies?(input: Input): readonly PolicyDocument[];
  /** The uses of keys of the account that the call takes. The caller has to have the right to them too. */
  keyUses?(input: Input): readonly KeyUse[];
  /** The trust policy of the role that is to be assumed: it has to trust the caller, whoever that is. */
  trust?(input: Input): PolicyDocument;
  run(input: Input, call: Call): Promise<Output> | Output;
}

/** What a service asks KMS for with the rights of its caller. */
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
 * AWS-shaped input, named as the JavaScript SDK names it. The Query protocol has strings only: read numbers and
 * booleans through `read.ts`. In output, times are `Date`: the protocol decides how they are written.
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
  /** Error codes that differ in the Query protocol and in `x-amzn-query-error`: JSON's code -> Query's. */
  queryErrorCodes?: Record<string, string>;
  /** The error of a caller who may not use the key of a resource. Default `AccessDenied`. */
  keyRefusal?: string;
  /** Where a service's Query form is not the usual nesting and `member` lists (SQS flattens, EC2 renames). */
  query?: QueryForm;
  /** REST JSON services (Lambda, Scheduler): which operation a method and a path mean. */
  routes?: Route[];
  operations: Record<string, Operation>;
}

export interface QueryForm {
  /** From parameters, nested and with lists found, to the operation's input. Old SQS clients post to the queue's path. */
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
  /** Status of a good answer; default 200. */
  status?: number;
  rawBody?: string;
  headers?: Record<string, string>;
}

/** An error as AWS answers it. Anything else that an operation throws is a defect and answers `InternalFailure`. */
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
 * An AWS call from inside the cloud, made as the service itself (no policy check, no faults, but logged): how
 * CloudFormation makes resources and how one service uses another. Rejects with `AwsError`.
 */
export type CallAws = (service: string, action: string, input: Input) => Promise<Record<string, unknown>>;

export interface SessionCredentials {
  AccessKeyId: string;
  SecretAccessKey: string;
  SessionToken: string;
  /** ISO 8601. */
  Expiration: string;
}

/** What every service of the cloud is made with. */
export interface CloudContext {
  call: CallAws;
  /** The same with the rights of a role that the service was given for it: what its policies allow, and no more. */
  callAs(roleArn: string, sessionName: string): CallAws;
  clock: CloudClock;
  /** The cloud's own directory: state, logs, instances. */
  directory: string;
  accountId: string;
  region: string;
  /** `http://127.0.0.1:<port>` of the front door. */
  endpoint(): string;
  /** A URL of S3 that lets somebody without rights put this object, for as long as any can: a week. */
  presignPut(object: { Bucket: string; Key: string }): string;
  /** Takes a connection from a network of instances. Whoever calls through it is not the owner. */
  admitGuest(visitor: Socket): void;
  /** Credentials of a role session, known to the front door from then on as that role. */
  issueSession(roleArn: string, sessionName: string): SessionCredentials;
}

/** A service that owns timers or processes ends them here. */
export interface RunningService {
  service: Service;
  close(): Promise<void>;
}
