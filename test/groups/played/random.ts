/** Random numbers that follow from a seed, so that what failed once fails again. */
export interface Random {
  /** From 0 to below 1, as `Math.random`. */
  next(): number;
  /** A whole number from `least` to `most`. */
  whole(least: number, most: number): number;
  chance(probability: number): boolean;
  pick<Kind>(all: readonly Kind[]): Kind;
}

/** "mulberry32", a generator with 32 bits of state. */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed, 0x9e3779b1) | 0;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  const whole = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    whole,
    chance: (probability) => next() < probability,
    pick(all) {
      const one = all[whole(0, all.length - 1)];
      if (one === undefined && all.length === 0) throw new Error('there is nothing to pick from');
      return one as (typeof all)[number];
    },
  };
}
