import type { Command } from 'commander';
import { quoteForShell } from '../../lib/shell-word.ts';

/**
 * The options that were typed, before and after the verb, as arguments for a shell. Values from environment variables are
 * not included.
 *
 * @param without names of options to leave out
 */
export function typedFlags(command: Command, without: readonly string[]): string[] {
  const { parent } = command;
  // An option after the verb overrides the same one before it.
  const overridden = command.options.flatMap((option) => {
    const name = option.attributeName();
    return command.getOptionValueSource(name) === 'cli' ? [name] : [];
  });
  const above = parent ? typedFlags(parent, [...without, ...overridden]) : [];
  const own = command.options.flatMap((option) => {
    const name = option.attributeName();
    if (without.includes(name) || command.getOptionValueSource(name) !== 'cli') return [];
    const value: unknown = command.getOptionValue(name);
    return value === true ? [`${option.long}`] : [`${option.long}`, quoteForShell(String(value))];
  });
  return [...above, ...own];
}
