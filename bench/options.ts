import { InvalidArgumentError } from 'commander';

/** Reads a number of things, of which there must be so many. Throws what commander makes a sentence of. */
export function atLeast(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isInteger(number) && number >= least) return number;
    throw new InvalidArgumentError(`Allowed is a whole number from ${least} on.`);
  };
}

/** Reads a list of names, with commas between them, of which there are only these. */
export function someOf<Name extends string>(known: readonly Name[]): (text: string) => Name[] {
  return (text) => {
    const names = text.split(',');
    const wanted = known.filter((name) => names.includes(name));
    if (wanted.length === new Set(names).size) return wanted;
    throw new InvalidArgumentError(`Allowed are ${known.join(', ')}, with commas between them.`);
  };
}
