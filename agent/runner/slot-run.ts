import { constants } from 'node:os';
import type { OutputSink, Run, RunEnd } from './runner.ts';
import type { SlotConnection, SlotListener } from './slot-connection.ts';

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** A worker in a slot, from the frame that starts it to the frame that reports its end. */
export class SlotRun implements Run, SlotListener {
  readonly ended: Promise<RunEnd>;
  readonly #slot: SlotConnection;
  readonly #sink: OutputSink | undefined;
  readonly #resolve: (end: RunEnd) => void;
  readonly #onFree: () => void;
  #over = false;

  /** @param onFree called when the slot can run another worker, before `ended` resolves */
  constructor(slot: SlotConnection, sink: OutputSink | undefined, onFree: () => void) {
    this.#slot = slot;
    this.#sink = sink;
    this.#onFree = onFree;
    const { promise, resolve } = Promise.withResolvers<RunEnd>();
    this.ended = promise;
    this.#resolve = resolve;
    slot.listen(this);
  }

  stop(graceMs: number): void {
    if (!this.#over) this.#slot.send('S', `${Math.ceil(graceMs)}`);
  }

  onOutput(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    const taken = this.#sink?.write(stream, chunk);
    if (taken) this.#slot.pauseUntil(taken);
  }

  onFrame(letter: string, fields: string[]): void {
    if (letter !== 'E') {
      this.#slot.close();
      return;
    }
    const [kind, value = '', stop, limit, last, text, problem] = fields;
    this.#over = true;
    this.#slot.listen(undefined);
    if (last) this.#slot.close();
    else this.#onFree();
    const result = text ? { text } : problem ? { problem } : undefined;
    const how = { stopped: stop === 'stopped', ...(result && { result }) };
    if (kind === 'not-started') this.#resolve({ kind, reason: value });
    else if (kind === 'exited') this.#resolve({ kind, status: Number(value), ...how });
    else this.#resolve({ kind: 'signalled', ...describeSignal(Number(value), limit), ...how });
  }

  onLost(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#resolve({ kind: 'lost', reason: `the worker's slot was lost: ${reason}` });
  }
}

function describeSignal(number: number, limit: string | undefined): { signal: string; reason?: string } {
  const signal = SIGNALS.get(number) ?? `signal ${number}`;
  if (!limit) return { signal };
  const which = limit === 'max' ? "the machine's own" : `limit ${Math.round(Number(limit) / 2 ** 20)} MiB`;
  return { signal, reason: `the worker ran out of memory (${which})` };
}
