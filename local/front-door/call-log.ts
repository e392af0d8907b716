import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isStructure } from './read.ts';
import type { Caller } from './service.ts';

/** One line of `calls.jsonl`. */
export interface CallRecord {
  atMs: number;
  /** The region that the caller signed for. */
  region: string;
  service: string;
  action: string;
  /** `owner`, `cloud` (a call from inside), or `<role name>/<session name>`. */
  caller: string;
  /** Long strings are cut; secrets are left out. */
  input: unknown;
  /** HTTP status; 0 if the caller received no answer. */
  status: number;
  error?: string;
  /** Explains the code if it is not specific: what was refused, or what is not implemented. */
  message?: string;
  durationMs: number;
  /** The fault that was applied, such as `timeout-after`. */
  fault?: string;
}

export type CallListener = (record: CallRecord) => void;

export interface CallLog {
  write(record: CallRecord): void;
  /** Calls `listener` for every record. Returns a function that stops it. */
  onCall(listener: CallListener): () => void;
  close(): Promise<void>;
}

/** The largest size of one log file, in bytes. */
const LONGEST_FILE = 100_000_000;

/**
 * Appends to `path`. A full file is renamed to `<path>.1` and replaces the one before. Throws if it cannot be opened.
 */
export function openCallLog(path: string, longestFile = LONGEST_FILE): CallLog {
  let file = openSync(path, 'a');
  let bytes = fstatSync(file).size;
  const listeners = new Set<CallListener>();
  let lines: string[] = [];
  let closed = false;
  const startAnew = () => {
    renameSync(path, `${path}.1`);
    closeSync(file);
    file = openSync(path, 'a');
    bytes = 0;
  };
  const flush = () => {
    const text = lines.join('');
    lines = [];
    try {
      bytes += writeSync(file, text);
      if (bytes > longestFile) startAnew();
    } catch {
      // A full disk must not stop the cloud.
    }
  };
  return {
    write(record) {
      if (closed) return;
      // One write for all calls of an event loop turn, before any of their callers can see its answer.
      if (lines.length === 0) setImmediate(flush);
      lines.push(`${JSON.stringify(record)}\n`);
      for (const listener of listeners) listener(record);
    },
    onCall(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      closed = true;
      // Records of this turn are written at its end.
      await nextTurn();
      closeSync(file);
    },
  };
}

export function callerName(caller: Caller): string {
  if (caller.kind === 'owner') return caller.accessKeyId === INTERNAL_CALLER ? 'cloud' : 'owner';
  return `${caller.roleArn.split('/').at(-1)}/${caller.sessionName}`;
}

/** The access key of calls that the cloud makes itself. */
export const INTERNAL_CALLER = 'cloud';

const LONGEST_TEXT = 256;
/** The checker reads from its expression what a write does to an item, so it is kept up to DynamoDB's own limit. */
const LONGEST_EXPRESSION = 4096;
const LONGEST_LIST = 50;
const DEEPEST = 8;
/** The names of members that have secrets. `SecretId` and `SecretArn` only say which secret is meant. */
const SECRET = /secret(?!(id|arn)$)|password|sessiontoken|credential/i;

/** A copy of an input for the log: all its members, without secrets and with long strings cut. */
export function summariseInput(value: unknown, depth = 0, longest = LONGEST_TEXT): unknown {
  if (typeof value === 'string') return shorten(value, longest);
  if (value instanceof Uint8Array) return `(${value.length} bytes)`;
  if (value instanceof Date) return value.toISOString();
  if (depth >= DEEPEST) return '(...)';
  if (Array.isArray(value))
    return value.slice(0, LONGEST_LIST).map((item) => summariseInput(item, depth + 1));
  if (!isStructure(value)) return value;
  // A parameter that is overwritten without a type may be a SecureString.
  const hidden =
    value['Type'] === 'SecureString' || (value['Type'] === undefined && value['Overwrite'] !== undefined);
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      SECRET.test(name) || (hidden && name === 'Value')
        ? '(secret)'
        : summariseInput(member, depth + 1, name.endsWith('Expression') ? LONGEST_EXPRESSION : LONGEST_TEXT),
    ]),
  );
}

function shorten(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `${text.slice(0, longest)}... (${text.length} characters)`;
}
