import type { Command } from 'commander';
import { shellWord } from '../shell-word.ts';

/**
 * The options that a command line has, before and after its verb, as words for a shell; what comes of a variable is not
 * among them.
 *
 * @param without names of options that are left out
 */
export function givenFlags(command: Command, without: readonly string[]): string[] {
  const { parent } = command;
  // What is said again behind the verb counts there.
  const again = command.options.flatMap((option) => {
    const name = option.attributeName();
    return command.getOptionValueSource(name) === 'cli' ? [name] : [];
  });
  const above = parent ? givenFlags(parent, [...without, ...again]) : [];
  const own = command.options.flatMap((option) => {
    const name = option.attributeName();
    if (without.includes(name) || command.getOptionValueSource(name) !== 'cli') return [];
    const value: unknown = command.getOptionValue(name);
    return value === true ? [`${option.long}`] : [`${option.long}`, shellWord(String(value))];
  });
  return [...above, ...own];
}
