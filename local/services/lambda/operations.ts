import { randomUUID } from 'node:crypto';
import { optionalInteger, optionalStructure, optionalText, text } from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input, type Operation } from '../../front-door/service.ts';
import {
  architecturesOf,
  describeFunction,
  type LambdaFunction,
  newFunction,
  readCode,
  readConfiguration,
} from './function.ts';
import { type Functions, parseFunctionName } from './functions.ts';
import type { Invoker } from './invoker.ts';

/** The resource that IAM checks a call on a function against. */
export function functionScope({ region, accountId }: CloudContext) {
  return {
    resources: (input: Input) => [
      `arn:aws:lambda:${region}:${accountId}:function:${parseFunctionName(optionalText(input, 'FunctionName') ?? '*')}`,
    ],
  };
}

export function functionOperations(
  context: CloudContext,
  functions: Functions,
  invoker: Invoker,
): Record<string, Operation> {
  const scope = functionScope(context);
  const changed = async (one: LambdaFunction, change: Partial<LambdaFunction>) => {
    const { revision } = one;
    Object.assign(one, change, { modifiedAt: new Date(context.clock.now()), revision: randomUUID() });
    await invoker.forget(revision);
    return describeFunction(one);
  };
  return {
    CreateFunction: {
      ...scope,
      run: async (input) => {
        const code = await readCode(context, optionalStructure(input, 'Code') ?? {});
        const one = newFunction(context, input, code);
        functions.add(one);
        return describeFunction(one);
      },
    },
    UpdateFunctionCode: {
      ...scope,
      run: async (input) => {
        const one = functions.get(input);
        const code = await readCode(context, input);
        return changed(one, { code, architectures: architecturesOf(input) ?? one.architectures });
      },
    },
    UpdateFunctionConfiguration: {
      ...scope,
      run: (input) => {
        const one = functions.get(input);
        return changed(one, { configuration: readConfiguration(input, one.configuration) });
      },
    },
    GetFunction: {
      ...scope,
      run: (input) => {
        const one = functions.get(input);
        return {
          Configuration: describeFunction(one),
          Code: { RepositoryType: 'S3' },
          Tags: one.tags,
        };
      },
    },
    GetFunctionConfiguration: { ...scope, run: (input) => describeFunction(functions.get(input)) },
    ListFunctions: { run: () => ({ Functions: functions.all().map(describeFunction) }) },
    DeleteFunction: {
      ...scope,
      run: async (input) => {
        const one = functions.get(input);
        functions.remove(one);
        await invoker.forget(one.revision);
        return {};
      },
    },
  };
}

/** The operations on the resource policy and on retries of events. */
export function permissionOperations(context: CloudContext, functions: Functions): Record<string, Operation> {
  const scope = functionScope(context);
  return {
    AddPermission: {
      ...scope,
      run: (input) => {
        const one = functions.get(input);
        const Sid = text(input, 'StatementId');
        if (one.policy.has(Sid)) {
          const message = `The statement id (${Sid}) provided already exists. Please provide a new statement id, or remove the existing statement.`;
          throw new AwsError('ResourceConflictException', message, 409);
        }
        const statement = permission(one, Sid, input);
        one.policy.set(Sid, statement);
        return { Statement: JSON.stringify(statement) };
      },
    },
    RemovePermission: {
      ...scope,
      run: (input) => {
        const removed = functions.get(input).policy.delete(text(input, 'StatementId'));
        if (!removed)
          throw notFound(`Statement ${text(input, 'StatementId')} is not found in resource policy.`);
        return {};
      },
    },
    GetPolicy: {
      ...scope,
      run: (input) => {
        const one = functions.get(input);
        if (one.policy.size === 0) throw notFound('The resource you requested does not exist.');
        const document = { Version: '2012-10-17', Id: 'default', Statement: [...one.policy.values()] };
        return { Policy: JSON.stringify(document), RevisionId: one.revision };
      },
    },
    PutFunctionEventInvokeConfig: {
      ...scope,
      run: (input) => {
        const one = functions.get(input);
        if (Object.keys(optionalStructure(input, 'DestinationConfig') ?? {}).length > 0) {
          throw new AwsError('InvalidParameterValueException', 'DestinationConfig is not implemented here.');
        }
        const age = { min: 60, max: 21_600 };
        one.eventInvoke = {
          maximumRetryAttempts: optionalInteger(input, 'MaximumRetryAttempts', { min: 0, max: 2 }) ?? 2,
          maximumEventAgeSeconds: optionalInteger(input, 'MaximumEventAgeInSeconds', age) ?? 21_600,
          modifiedAt: new Date(context.clock.now()),
        };
        return describeEventInvoke(one);
      },
    },
    GetFunctionEventInvokeConfig: { ...scope, run: (input) => describeEventInvoke(functions.get(input)) },
    DeleteFunctionEventInvokeConfig: {
      ...scope,
      run: (input) => {
        const one = functions.get(input);
        describeEventInvoke(one);
        one.eventInvoke = undefined;
        return {};
      },
    },
  };
}

function permission(one: LambdaFunction, Sid: string, input: Input) {
  const principal = text(input, 'Principal');
  const account = optionalText(input, 'SourceAccount');
  const source = optionalText(input, 'SourceArn');
  return {
    Sid,
    Effect: 'Allow',
    Principal: principal.includes('.amazonaws.com') ? { Service: principal } : { AWS: principal },
    Action: text(input, 'Action'),
    Resource: one.arn,
    Condition: {
      ...(account ? { StringEquals: { 'AWS:SourceAccount': account } } : {}),
      ...(source ? { ArnLike: { 'AWS:SourceArn': source } } : {}),
    },
  };
}

function describeEventInvoke({ arn, name, eventInvoke }: LambdaFunction) {
  if (!eventInvoke) throw notFound(`The function ${name} doesn't have an EventInvokeConfig`);
  return {
    FunctionArn: `${arn}:$LATEST`,
    MaximumRetryAttempts: eventInvoke.maximumRetryAttempts,
    MaximumEventAgeInSeconds: eventInvoke.maximumEventAgeSeconds,
    LastModified: eventInvoke.modifiedAt,
    DestinationConfig: {},
  };
}

function notFound(message: string): AwsError {
  return new AwsError('ResourceNotFoundException', message, 404);
}
