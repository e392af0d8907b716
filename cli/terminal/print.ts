import { escapeJson, escapeText } from './escape.ts';
import { wrapLines } from './say.ts';

/** Prints data as one JSON document, indented. */
export function printJson(value: unknown): void {
  process.stdout.write(`${escapeJson(JSON.stringify(value, undefined, 2))}\n`);
}

/** Prints data as one line of JSON, for output that comes bit by bit. */
export function printJsonLine(value: unknown): void {
  process.stdout.write(`${escapeJson(JSON.stringify(value))}\n`);
}

/** Prints lines for people. Text from outside must be escaped already. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Prints the body of a job unchanged, without a newline at its end. On a terminal, control characters are made visible. */
export function printBody(body: string): void {
  process.stdout.write(process.stdout.isTTY ? escapeText(body) : body);
}

/** Prints the result of a command as a sentence. On a terminal its lines are broken at words. */
export function printSentence(text: string): void {
  print(wrapLines(text, process.stdout));
}
