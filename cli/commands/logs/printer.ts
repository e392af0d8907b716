import type { Hole, LogEvent, LogOptions, LogStream } from '../../../client/logs/logs.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { holeToJson, jsonFormat, type LogFormat, plainFormat, timestampFormat } from './formats.ts';
import type { OutputWriter } from './output-writer.ts';

export interface PrintOptions extends LogOptions {
  timestamps?: boolean;
  json?: boolean;
  /** Whether stderr is a terminal: then there are more hints. */
  isInteractive?: boolean;
}

/** Prints a log: the output to its stream, and messages about it to stderr. */
export class LogPrinter {
  readonly #outlets: Record<LogStream, OutputWriter>;
  readonly #options: PrintOptions;
  readonly #form: LogFormat;
  #tries = 0;

  constructor(outlets: Record<LogStream, OutputWriter>, options: PrintOptions) {
    this.#outlets = outlets;
    this.#options = options;
    this.#form = options.json ? jsonFormat() : options.timestamps ? timestampFormat() : plainFormat;
  }

  async print(event: LogEvent): Promise<void> {
    if (event.kind === 'output') {
      for (const bytes of this.#form.format(event)) await this.#outletOf(event.stream).write(bytes);
      return;
    }
    if (event.kind === 'hole' && this.#options.json) return this.#outlets.stdout.write(holeToJson(event));
    if (event.kind !== 'hole') await this.#finishTry();
    const line = this.#sentence(event);
    if (line !== undefined) await this.#outlets.stderr.writeMessage(`mayfly: ${escapeLine(line)}`);
  }

  async #finishTry(): Promise<void> {
    for (const { stream, bytes } of this.#form.flush()) await this.#outletOf(stream).write(bytes);
  }

  /** A single stream that was asked for goes to stdout. */
  #outletOf(stream: LogStream): OutputWriter {
    const alone = this.#options.stream !== undefined || this.#options.json;
    return this.#outlets[alone ? 'stdout' : stream];
  }

  #sentence(event: Exclude<LogEvent, { kind: 'output' }>): string | undefined {
    switch (event.kind) {
      case 'hole':
        return sentenceOfHole(event);
      case 'waiting':
        return sentenceOfWait(event);
      case 'try':
        this.#tries += 1;
        return this.#sentenceOfTry(event);
      case 'vanished':
        return (
          `the agent on ${event.tried.instance} disappeared during try ${event.number}: the output ends here, as far ` +
          'as it was saved'
        );
      case 'end':
        return this.#sentenceOfEnd(event);
    }
  }

  #sentenceOfTry({ number, tried, record }: LogEvent & { kind: 'try' }): string | undefined {
    const { follow, isInteractive, try: chosen } = this.#options;
    const of = record.tries?.length ?? 0;
    if (follow && this.#tries > 1) return `try ${number} of ${record.id} runs on ${tried.instance}`;
    if (isInteractive && chosen === undefined && of > 1)
      return `this is try ${number}; --try shows another one`;
    return undefined;
  }

  #sentenceOfEnd({ record }: LogEvent & { kind: 'end' }): string | undefined {
    const { follow, isInteractive } = this.#options;
    const { id, state, reason } = record;
    const why = reason === undefined ? '' : `: ${reason}`;
    if (this.#tries === 0) {
      if (state === 'queued' || state === 'held')
        return `${id} is ${state}: it has not started (--follow waits for it)`;
      return `${id} never started; it is ${state}${why}`;
    }
    if (!isInteractive) return undefined;
    if (follow) return `${id} is ${state}${why}`;
    return state === 'running' ? `${id} is still running (--follow shows the further output)` : undefined;
  }
}

function sentenceOfHole({ stream, bytes, why, atMs }: Hole): string {
  const missing = `${countOf(bytes, 'byte')} of ${stream} ${bytes === 1 ? 'is' : 'are'} missing here: `;
  if (why === 'dropped') return `${missing}a record has room only for the output of the newest tries`;
  // A gap without a time is at the end of a log. The record keeps the last lines.
  const status = atMs === undefined ? ' (`mayfly status` may have the last lines)' : '';
  if (why === 'beyondMaxLog') return `${missing}they are beyond the fleet's maxLog${status}`;
  return `${missing}they could not be written to the log bucket${status}`;
}

function sentenceOfWait({ record }: LogEvent & { kind: 'waiting' }): string {
  const { id, state, tries = [] } = record;
  if (tries.length === 0) return `waiting for ${id} to start (it is ${state})`;
  const reason = tries.at(-1)?.reason;
  return `waiting for the next try of ${id}${reason === undefined ? '' : ` (the last one: ${reason})`}`;
}
