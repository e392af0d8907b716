import { type Seat, takeSeat } from '../../jobs/lifecycle/calls.ts';

const REGION = 'us-east-1';

/**
 * The clients of those who act in a world. They take long to create, so the next world gets them again: what is left of the world
 * before waits for calls that nobody answers.
 */
export class Seats {
  readonly #all: Seat[] = [];
  #next = 0;

  /** Begins another world. */
  begin(): void {
    for (const seat of this.#all) seat.exchange = () => undefined;
    this.#next = 0;
  }

  take(): Seat {
    const seat = this.#all[this.#next] ?? takeSeat(REGION, '');
    this.#all[this.#next] = seat;
    this.#next += 1;
    return seat;
  }

  close(): void {
    for (const { clients } of this.#all) clients.destroy();
  }
}
