import { isStructure, optionalBoolean, structures } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';

/** Members that dynalite would refuse although they ask for what it does anyway. `AwsError` for what nothing does here. */
export function supported(input: Input): Input {
  refuseStreams(input);
  refuseIndexUpdates(input);
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

/** dynalite takes these and does nothing. */
function refuseIndexUpdates(input: Input): void {
  if (input['GlobalSecondaryIndexUpdates'] === undefined) return;
  const updates = structures(input, 'GlobalSecondaryIndexUpdates');
  if (updates.every(({ Create, Delete }) => Create === undefined && Delete === undefined)) return;
  const message =
    'The embedded cloud does not add indexes to a table that exists, or remove them: make the table anew.';
  throw new AwsError('ValidationException', message);
}

function refuseStreams({ StreamSpecification: stream }: Input): void {
  if (!isStructure(stream) || !optionalBoolean(stream, 'StreamEnabled')) return;
  throw new AwsError('ValidationException', 'The embedded cloud does not implement streams of DynamoDB.');
}
