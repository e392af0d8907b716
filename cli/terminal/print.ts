import { escapeJson, escapeText } from './escape.ts';
import { inLines } from './say.ts';

/** Prints data as one JSON document, indented, as people read it too. */
export function printJson(value: unknown): void {
  process.stdout.write(`${escapeJson(JSON.stringify(value, undefined, 2))}\n`);
}

/** Prints data as a line of JSON: for what streams. */
export function printJsonLine(value: unknown): void {
  process.stdout.write(`${escapeJson(JSON.stringify(value))}\n`);
}

/** Prints lines for people; what is in them from outside must be escaped already. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints a job's body as it is, without a newline of ours; on a terminal what that would obey is made visible. */
export function printBody(body: string): void {
  process.stdout.write(process.stdout.isTTY ? escapeText(body) : body);
}

/** Prints what came of a command, in a sentence. On a terminal its lines are broken at words. */
export function printSentence(text: string): void {
  print(inLines(text, process.stdout));
}
