import { BadTargetsError } from '../errors.ts';

/** Further problems are only counted. */
const MOST_SHOWN = 10;

/** What is wrong with the targets of a request. Each problem is a sentence without its full stop. */
export class Problems {
  readonly #shown: string[] = [];
  #count = 0;

  add(problem: string): void {
    this.#count += 1;
    if (this.#count <= MOST_SHOWN) this.#shown.push(`${problem}.`);
  }

  /**
   * @param source where the targets are from, as messages name it
   * @throws BadTargetsError that has the first ten problems, if there is any
   */
  throwIfAny(source: string): void {
    if (this.#count === 0) return;
    if (this.#count === 1) throw new BadTargetsError(this.#shown.join(''));
    const more = this.#count > MOST_SHOWN ? [`and ${this.#count - MOST_SHOWN} more.`] : [];
    const head = `No request can be made of ${source}, for ${this.#count} reasons:`;
    throw new BadTargetsError([head, ...this.#shown, ...more].join('\n  '));
  }
}
