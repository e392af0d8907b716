import { InvalidArgumentError } from 'commander';

/** Parses a whole number that is at least `least`. Throws an error that commander prints. */
export function wholeNumberFrom(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= least) return number;
    throw new InvalidArgumentError(`Allowed is a whole number from ${least}.`);
  };
}

/** Parses a comma-separated list of known names. Throws an error that commander prints. */
export function namesFrom<Name extends string>(known: readonly Name[]): (text: string) => Name[] {
  return (text) => {
    const names = text.split(',');
    const wanted = known.filter((name) => names.includes(name));
    if (wanted.length === new Set(names).size) return wanted;
    throw new InvalidArgumentError(`Allowed are ${known.join(', ')}, separated by commas.`);
  };
}
