import { isStructure } from '../../front-door/read.ts';
import { AwsError, type Input } from '../../front-door/service.ts';

/** The entries of a batch. fauxqs checks their number and ids itself. */
export function batchEntries(input: Input): Input[] {
  const entries = input['Entries'];
  return Array.isArray(entries) ? entries.filter(isStructure) : [];
}

export interface BatchFailure {
  Id: unknown;
  SenderFault: boolean;
  Code: string;
  Message: string;
}

/** Separates the entries for which `prepare` throws an `AwsError`, with their failures, from the prepared ones. */
export function prepareEntries(
  entries: Input[],
  prepare: (entry: Input) => Input,
): { ready: Input[]; failed: BatchFailure[] } {
  const ready: Input[] = [];
  const failed: BatchFailure[] = [];
  for (const entry of entries) {
    try {
      ready.push(prepare(entry));
    } catch (error) {
      if (!(error instanceof AwsError)) throw error;
      failed.push({ Id: entry['Id'], SenderFault: true, Code: error.code, Message: error.message });
    }
  }
  return { ready, failed };
}

export function listOf(value: unknown): Input[] {
  return Array.isArray(value) ? value.filter(isStructure) : [];
}
