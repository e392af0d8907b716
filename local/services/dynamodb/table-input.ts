import { isStructure, optionalBoolean } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';

/** Removes members that dynalite refuses although it does what they ask for. `AwsError` for what is not implemented. */
export function removeUnsupported(input: Input): Input {
  refuseStreams(input);
  const {
    Tags: _tags,
    TableClass: _class,
    ResourcePolicy: _policy,
    OnDemandThroughput: _limits,
    StreamSpecification: _off,
    ...rest
  } = input;
  return rest;
}

function refuseStreams({ StreamSpecification: stream }: Input): void {
  if (!isStructure(stream) || !optionalBoolean(stream, 'StreamEnabled')) return;
  throw new AwsError('ValidationException', 'The embedded cloud does not implement streams of DynamoDB.');
}
