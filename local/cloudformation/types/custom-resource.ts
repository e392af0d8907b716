/**
 * Custom resources: a Lambda function creates them, and sends its response to a presigned URL of S3 ("Custom resource
 * request objects", "Custom resource response objects" of the CloudFormation guide).
 */
import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { AwsError } from '../../front-door/service.ts';
import { validationError } from '../errors.ts';
import { type Resource, type ResourceContext, type ResourceType, resourceType } from '../resource-type.ts';
import { ignoreErrors, numberProperty, textProperty } from './properties.ts';

/** The maximum of "ServiceTimeout", in seconds. */
const LONGEST_SECONDS = 3600;
/** "Custom resource response objects": the maximum size of a response, in bytes. */
const LONGEST_ANSWER = 4096;

const LAMBDA_ARN = /^arn:[^:]+:lambda:[^:]*:\d{12}:function:/;

const schema = v.looseObject({
  ServiceToken: textProperty,
  ServiceTimeout: v.optional(v.pipe(numberProperty, v.integer(), v.minValue(1), v.maxValue(LONGEST_SECONDS))),
});
type Props = v.InferOutput<typeof schema>;

const answerSchema = v.object({
  Status: v.picklist(['SUCCESS', 'FAILED']),
  Reason: v.optional(v.string(), ''),
  PhysicalResourceId: v.pipe(v.string(), v.minLength(1), v.maxLength(1024)),
  RequestId: v.string(),
  Data: v.nullish(v.record(v.string(), v.unknown())),
});
type Answer = v.InferOutput<typeof answerSchema>;

interface Request {
  RequestType: 'Create' | 'Update' | 'Delete';
  PhysicalResourceId?: string;
  OldResourceProperties?: unknown;
}

/** The custom resource type of that name. The function checks its properties. Undefined for other names. */
export function customResource(type: string): ResourceType | undefined {
  if (type !== 'AWS::CloudFormation::CustomResource' && !/^Custom::[\w@-]{1,60}$/.test(type))
    return undefined;
  return resourceType<Props>({
    type,
    schema,
    createOnly: [],
    attributes: 'any',
    volatileAttributes: 'any',
    async create(props, context) {
      const place = await sendRequest(props, context, { RequestType: 'Create' });
      try {
        return await awaitResponse(place, props, context);
      } catch (error) {
        // The roll-back asks the function to delete what it may have created, by a generated name if it returned none.
        context.reportCreated(
          error instanceof FailedResponseError ? error.physicalId : context.generatedName(),
        );
        throw error;
      }
    },
    async update({ physicalId }, props, previous, context) {
      const OldResourceProperties = toTexts(previous);
      const request = {
        RequestType: 'Update',
        PhysicalResourceId: physicalId,
        OldResourceProperties,
      } as const;
      return awaitResponse(await sendRequest(props, context, request), props, context);
    },
    async delete({ physicalId }, props, context) {
      const request = { RequestType: 'Delete', PhysicalResourceId: physicalId } as const;
      await awaitResponse(await sendRequest(props, context, request), props, context);
    },
  });
}

/** The function responded that it failed. */
class FailedResponseError extends Error {
  readonly physicalId: string;
  constructor({ Reason, PhysicalResourceId }: Answer) {
    super(`Received response status [FAILED] from custom resource. Message returned: ${Reason}`);
    this.physicalId = PhysicalResourceId;
  }
}

/** Sends a request to the function. Returns the place of its response. */
async function sendRequest(props: Props, context: ResourceContext, request: Request): Promise<Place> {
  const { ServiceToken } = props;
  if (!LAMBDA_ARN.test(ServiceToken)) {
    throw validationError(
      `ServiceToken ${ServiceToken} is not a Lambda function: SNS topics are not implemented here.`,
    );
  }
  const RequestId = randomUUID();
  const place = await createResponsePlace(context, RequestId);
  const event = {
    ...request,
    ServiceToken,
    ResponseURL: context.presignPut(place),
    StackId: context.stackId,
    RequestId,
    LogicalResourceId: context.logicalId,
    ResourceType: context.type,
    ResourceProperties: toTexts(props),
  };
  await context.call('lambda', 'Invoke', {
    FunctionName: ServiceToken,
    InvocationType: 'Event',
    Payload: JSON.stringify(event),
  });
  return place;
}

interface Place {
  Bucket: string;
  Key: string;
}

/** Each request has its own object, so that the response to another one is never mistaken for it. */
async function createResponsePlace({ call, region }: ResourceContext, requestId: string): Promise<Place> {
  const Bucket = `cloudformation-custom-resource-response-${region.replaceAll('-', '')}`;
  await ignoreErrors(['BucketAlreadyOwnedByYou'], () => call('s3', 'CreateBucket', { Bucket }));
  return { Bucket, Key: requestId };
}

/** Waits for the function's response. It is waited for in real time, which the cloud's speed does not change. */
async function awaitResponse(place: Place, props: Props, context: ResourceContext): Promise<Resource> {
  const { clock } = context;
  let late = false;
  const seconds = props.ServiceTimeout ?? LONGEST_SECONDS;
  const cancel = clock.after(seconds * 1000 * clock.speed, () => {
    late = true;
  });
  try {
    const body = await context.until(async () => {
      const found = await objectAt(place, context);
      if (found !== undefined || !late) return found;
      throw new Error('CloudFormation did not receive a response from your Custom Resource.');
    });
    const answer = readAnswer(body);
    if (answer.Status === 'FAILED') throw new FailedResponseError(answer);
    return { physicalId: answer.PhysicalResourceId, attributes: answer.Data ?? {} };
  } finally {
    cancel();
  }
}

async function objectAt(place: Place, { call }: ResourceContext): Promise<Uint8Array | undefined> {
  try {
    const { Body } = await call('s3', 'GetObject', { ...place });
    await call('s3', 'DeleteObject', { ...place });
    return Body as Uint8Array;
  } catch (error) {
    if (error instanceof AwsError && error.code === 'NoSuchKey') return undefined;
    throw error;
  }
}

function readAnswer(body: Uint8Array): Answer {
  if (body.length > LONGEST_ANSWER) throw new Error('Response object is too long.');
  const answer = v.safeParse(v.pipe(v.string(), v.parseJson(), answerSchema), Buffer.from(body).toString());
  if (answer.success) return answer.output;
  throw new Error(`Invalid response from the custom resource: ${v.summarize(answer.issues)}`);
}

/** CloudFormation sends numbers and booleans as strings, at every depth. */
function toTexts(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toTexts);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toTexts(member)]));
  }
  return String(value);
}
