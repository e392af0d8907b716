import { NARROWEST, wrap } from './columns.ts';
import { lineWidth, type Screen } from './screen.ts';

/** Indentation of the further lines of a message. */
const INDENT = '  ';
/** Replaces the blanks of a command, so that no line is broken there. It occurs in no text. */
const FIXED_BLANK = '\ue000';

/**
 * Prints a message on stderr, which is for everything but data. On a terminal lines are broken at words.
 *
 * @param text one sentence or several, escaped. It can have several lines.
 */
export function say(text: string, screen: Screen = process.stderr): void {
  screen.write(`${wrapLines(`mayfly: ${text}`, screen)}\n`);
}

/**
 * Breaks the text into lines that fit the terminal. For a file or a pipe it stays unchanged. Words and commands between
 * backticks stay whole, so that they can be copied.
 */
export function wrapLines(text: string, screen: Pick<Screen, 'isTTY' | 'columns'>, indent = INDENT): string {
  if (screen.isTTY !== true) return text;
  const room = Math.max(NARROWEST, lineWidth(screen) - indent.length);
  return text
    .split('\n')
    .map((line) => broken(line, room).join(`\n${indent}`))
    .join('\n');
}

function broken(line: string, room: number): string[] {
  const fixed = line.replace(/`[^`]*`/g, (command) => command.replaceAll(' ', FIXED_BLANK));
  return wrap(fixed, room, { cutsWords: false }).map((one) => one.replaceAll(FIXED_BLANK, ' '));
}
