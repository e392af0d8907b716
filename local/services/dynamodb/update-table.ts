import { boolean, isStructure, structures, text } from '../../front-door/read.ts';
import type { Input } from '../../front-door/service.ts';
import type { Indexes } from './indexes.ts';
import { removeUnsupported } from './table-input.ts';
import { parseTableName, type TableSettings } from './table-settings.ts';

/** dynalite's UpdateTable, with indexes, deletion protection and encryption added. */
export async function updateTable(
  indexes: Indexes,
  settings: TableSettings,
  input: Input,
  describe: (description: unknown) => Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const { dynalite } = indexes;
  const { DeletionProtectionEnabled, SSESpecification, ...rest } = removeUnsupported(input);
  if (DeletionProtectionEnabled !== undefined) {
    settings.deletionProtection = boolean(input, 'DeletionProtectionEnabled');
  }
  if (isStructure(SSESpecification)) settings.sse = SSESpecification;
  const TableName = parseTableName(text(input, 'TableName'));
  if (changesIndexes(input)) {
    await indexes.update(TableName, input);
    const { Table } = await dynalite('DescribeTable', { TableName });
    return { TableDescription: describe(Table) };
  }
  if (Object.keys(rest).length > 1) {
    const { TableDescription } = await dynalite('UpdateTable', { ...rest, TableName });
    return { TableDescription: describe(TableDescription) };
  }
  const { Table } = await dynalite('DescribeTable', { TableName });
  return { TableDescription: describe(Table) };
}

/** Changes of an index's throughput are left to dynalite. */
function changesIndexes(input: Input): boolean {
  if (input['GlobalSecondaryIndexUpdates'] === undefined) return false;
  const updates = structures(input, 'GlobalSecondaryIndexUpdates');
  return updates.some(({ Create, Delete }) => Create !== undefined || Delete !== undefined);
}
