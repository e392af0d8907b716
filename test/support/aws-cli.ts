import * as autoScaling from '@aws-sdk/client-auto-scaling';
import * as cloudWatch from '@aws-sdk/client-cloudwatch';
import * as sqs from '@aws-sdk/client-sqs';
import type { FleetContext } from '../../client/context.ts';

type Input = Record<string, unknown>;

const SERVICES = {
  autoscaling: { commands: autoScaling, client: 'autoScaling' },
  cloudwatch: { commands: cloudWatch, client: 'cloudWatch' },
  sqs: { commands: sqs, client: 'sqs' },
} as const;

/** Flags that take several values. */
const LISTS = new Set([
  'AlarmActions',
  'AlarmNames',
  'Dimensions',
  'InstanceIds',
  'InsufficientDataActions',
  'OKActions',
  'ScalingProcesses',
  'StepAdjustments',
]);

/**
 * Runs a command line as the AWS CLI does ("Command structure", "Using shorthand syntax"), as far as `mayfly doctor` advises
 * it. Rejects with AWS's error, or if the command is unknown.
 */
export async function runAwsCli(clients: FleetContext['clients'], line: string): Promise<void> {
  const [aws, service = '', operation = '', ...flags] = shellWords(line);
  const known = SERVICES[service as keyof typeof SERVICES];
  const name = `${pascal(operation)}Command`;
  const Command = known && (known.commands as unknown as Record<string, new (input: Input) => object>)[name];
  if (aws !== 'aws' || !Command) throw new Error(`an unknown command of the AWS CLI: ${line}`);
  const { region: _, ...given } = readFlags(flags);
  const input = Object.fromEntries(Object.entries(given).map(([flag, values]) => inputOf(flag, values)));
  const client = clients[known.client] as unknown as { send(command: object): Promise<unknown> };
  await client.send(new Command(input));
}

/** Splits a line without variables as a POSIX shell does, with single quotes and backslashes. */
function shellWords(line: string): string[] {
  const words = line.match(/(?:'[^']*'|\\.|[^\s'\\])+/g) ?? [];
  return words.map((word) => word.replaceAll(/'([^']*)'|\\(.)/g, (_, quoted, escaped) => quoted ?? escaped));
}

function readFlags(words: readonly string[]): Record<string, string[]> {
  const flags: Record<string, string[]> = {};
  let values: string[] = [];
  for (const word of words) {
    if (word.startsWith('--')) {
      values = [];
      flags[word.slice(2)] = values;
    } else {
      values.push(word);
    }
  }
  return flags;
}

function inputOf(flag: string, values: readonly string[]): [string, unknown] {
  const name = pascal(flag).replace(/^Ok/, 'OK');
  if (values.length === 0) return [name, true];
  if (LISTS.has(name)) return [name, values.map(shorthand)];
  const [value = ''] = values;
  if (value.startsWith('{')) return [name, JSON.parse(value)];
  // A map whose values are strings, also if they look like numbers.
  if (name === 'Attributes') return [name, Object.fromEntries([pairOf(value)])];
  return [name, shorthand(value)];
}

/** Parses `Key=value,Key=value`, a number, or a string. */
function shorthand(value: string): unknown {
  if (!/^\w+=/.test(value)) return numberOr(value);
  const pairs = value.split(',').map(pairOf);
  return Object.fromEntries(pairs.map(([key, of]) => [key, numberOr(of)]));
}

function pairOf(text: string): [string, string] {
  const at = text.indexOf('=');
  return [text.slice(0, at), text.slice(at + 1)];
}

const numberOr = (value: string): string | number => (/^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value);

const pascal = (kebab: string): string =>
  kebab.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
