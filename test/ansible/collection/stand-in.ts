import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The command's output and exit status, by its verb, such as `status` or `request run`. FILE on stderr is the path after `--file` or
 * `--targets`. `hangs`: it does not end by itself.
 */
export type Answers = Record<string, { stdout?: string; stderr?: string; status?: number; hangs?: true }>;

export interface Call {
  words: string[];
  /** The path, the mode and the content of the file of `--file` or `--targets`. */
  file?: { path: string; mode: number; lines: unknown[] };
  region?: string;
}

/** A program instead of `mayfly`, for answers that the real command does not give on demand. */
export function standIn(answers: Answers) {
  const directory = mkdtempSync(join(tmpdir(), 'mayfly-stand-in-'));
  const program = join(directory, 'mayfly');
  const log = join(directory, 'calls.jsonl');
  writeFileSync(program, PROGRAM.replace('ANSWERS', JSON.stringify(answers)), { mode: 0o755 });
  writeFileSync(log, '');
  const calls = (verb?: string): Call[] => {
    const all = readFileSync(log, 'utf8').split('\n').filter(Boolean);
    return all
      .map((line) => JSON.parse(line) as Call)
      .filter(({ words }) => verb === undefined || `${words.join(' ')} `.startsWith(`${verb} `));
  };
  return { directory, program, calls, close: () => rmSync(directory, { recursive: true, force: true }) };
}

const PROGRAM = `#!/usr/bin/env node
const { appendFileSync, readFileSync, statSync } = require('node:fs');
const words = process.argv.slice(2);
const answers = ANSWERS;
const flag = words.find((word) => word === '--file' || word === '--targets');
const path = words[words.indexOf(flag) + 1];
const read = () => ({ path, mode: statSync(path).mode & 0o777, lines: readFileSync(path, 'utf8').trim().split('\\n').map((line) => JSON.parse(line)) });
const call = { words, region: process.env.AWS_REGION, ...(flag && { file: read() }) };
appendFileSync(__dirname + '/calls.jsonl', JSON.stringify(call) + '\\n');
const { stdout = '', stderr = '', status = 0, hangs } = answers[words.slice(0, 2).join(' ')] ?? answers[words[0]] ?? { stderr: 'mayfly: no answer to ' + words[0], status: 2 };
process.stdout.write(stdout);
process.stderr.write(stderr.replaceAll('FILE', path));
process.exitCode = status;
const parent = process.ppid;
const hold = setInterval(() => process.ppid === parent && hangs || clearInterval(hold), 100);
`;
