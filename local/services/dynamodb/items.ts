import { isStructure, optionalText, text } from '../../front-door/read.ts';
import { AwsError, type CloudContext, type Input, type Operation } from '../../front-door/service.ts';
import type { Dynalite } from './engine.ts';
import { tableArn, tableNameOf } from './tables.ts';

/** Operations on items: dynalite's, whose conditional writes can be relied on. */
export function itemOperations(context: CloudContext, dynalite: Dynalite): Record<string, Operation> {
  const arnOf = (name: string) => tableArn(context, tableNameOf(name));
  const single = (action: string): Operation => ({
    resources: (input) => [arnOf(text(input, 'TableName'))],
    run: (input) => dynalite(action, named(input)),
  });
  const conditional = (action: string): Operation => ({
    ...single(action),
    run: (input) => writeConditionally(dynalite, action, named(input)),
  });
  const batch = (action: string): Operation => ({
    resources: (input) =>
      Object.keys(isStructure(input['RequestItems']) ? input['RequestItems'] : {}).map(arnOf),
    run: (input) => dynalite(action, input),
  });
  const query = (action: string): Operation => ({
    resources: (input) => {
      const index = optionalText(input, 'IndexName');
      const table = arnOf(text(input, 'TableName'));
      return [index ? `${table}/index/${index}` : table];
    },
    run: (input) => dynalite(action, named(input)),
  });
  return {
    GetItem: single('GetItem'),
    PutItem: conditional('PutItem'),
    UpdateItem: conditional('UpdateItem'),
    DeleteItem: conditional('DeleteItem'),
    Query: query('Query'),
    Scan: query('Scan'),
    BatchGetItem: batch('BatchGetItem'),
    BatchWriteItem: batch('BatchWriteItem'),
  };
}

/** A table may be named by its ARN, which dynalite does not know. */
function named(input: Input): Input {
  const name = text(input, 'TableName');
  return name.startsWith('arn:') ? { ...input, TableName: tableNameOf(name) } : input;
}

/**
 * With `ReturnValuesOnConditionCheckFailure: ALL_OLD` the item that failed the condition comes with the error. It is
 * read just after, so a writer in between shows: it is then newer, never older, than what failed.
 */
async function writeConditionally(
  dynalite: Dynalite,
  action: string,
  input: Input,
): Promise<Record<string, unknown>> {
  const { ReturnValuesOnConditionCheckFailure: wanted, ...request } = input;
  try {
    return await dynalite(action, request);
  } catch (error) {
    const failed = error instanceof AwsError && error.code === 'ConditionalCheckFailedException';
    if (!failed || wanted !== 'ALL_OLD') throw error;
    const key = isStructure(input['Key']) ? input['Key'] : await keyOf(dynalite, input);
    const { Item } = await dynalite('GetItem', {
      TableName: input['TableName'],
      Key: key,
      ConsistentRead: true,
    });
    throw new AwsError(error.code, error.message, error.status, Item ? { Item } : {});
  }
}

async function keyOf(dynalite: Dynalite, input: Input): Promise<Input> {
  const { Table } = await dynalite('DescribeTable', { TableName: input['TableName'] });
  const schema =
    isStructure(Table) && Array.isArray(Table['KeySchema']) ? (Table['KeySchema'] as Input[]) : [];
  const item = isStructure(input['Item']) ? input['Item'] : {};
  return Object.fromEntries(schema.map(({ AttributeName }) => [AttributeName, item[String(AttributeName)]]));
}
