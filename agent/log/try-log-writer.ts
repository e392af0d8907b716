import { isRefusal } from '../../aws/bucket-refusals.ts';
import { resolvesWithin } from '../../lib/with-timeout.ts';
import { chunkKey, type LogPart } from '../../store/log-layout.ts';
import { LONGEST_INLINE_LOG, type StreamLog, type TryLog } from '../../jobs/record.ts';
import type { OutputSink } from '../runner/runner.ts';
import { Chunks } from './chunks.ts';
import { IndexWriter } from './index-writer.ts';
import { inlineLog, LONGEST_TIMES } from './inline-log.ts';
import { OutputTail } from './output-tail.ts';
import { type Stream, Timeline } from './timeline.ts';
import type { FlushableLog, TryLogContext } from './try-log-context.ts';

export interface TryLogOptions {
  job: string;
  /** The try's own, `tryKey`. */
  key: string;
  /** Epoch milliseconds of its record's `startedAt`. */
  startedMs: number;
  /** Notes in the record what is known while the try runs. */
  note: (log: TryLog) => Promise<unknown>;
}

/** What an entry of the timeline takes, more or less. */
const MOMENT_BYTES = 64;

/** An index is written when there is this much to tell, however young it is. */
const MOST_MOMENTS = 4096;

/** From a try's first output to the first note of it; the next ones wait twice as long each, up to `flushSeconds`. */
const FIRST_FLUSH_MS = 1000;

/** For the last index, when the time for the last chunks is over. */
const INDEX_PATIENCE_MS = 1000;

/**
 * The log of one try, where its worker's output goes.
 *
 *     inline -> bucket -> nowhere
 *        \________________/
 *
 * `inline`: all of it is short enough for the record. `bucket`: all of it is on its way there. `nowhere`: there is no
 * bucket, or it refuses; only the last of it is kept.
 */
export class TryLogWriter implements OutputSink, FlushableLog {
  readonly #context: TryLogContext;
  readonly #options: TryLogOptions;
  readonly #timeline = new Timeline();
  readonly #tail = new OutputTail(LONGEST_INLINE_LOG);
  readonly #bytes: Record<Stream, number> = { stdout: 0, stderr: 0 };
  readonly #dropped: Record<Stream, number> = { stdout: 0, stderr: 0 };
  /** Bytes that came when `maxBytes` were kept. No index tells of them: readers see by the record that they are missing. */
  readonly #beyond: Record<Stream, number> = { stdout: 0, stderr: 0 };
  readonly #abort = new AbortController();
  #place: 'inline' | 'bucket' | 'nowhere' = 'inline';
  #chunks: Record<Stream, Chunks> | undefined;
  /** Memory that the timeline holds. */
  #momentBytes = 0;
  readonly #index: IndexWriter;
  #sending = 0;
  #waiting: Promise<void> | undefined;
  /** It has waited for room as long as it may, and there was none since. */
  #impatient = false;
  /** Something came, or was written, since the last flush. */
  #dirty = false;
  #flushing = false;
  /** The record is being told: what comes meanwhile is not in it. */
  #noting = false;
  #flushes = 0;
  #ended = false;
  /** When it is to be flushed: monotonic milliseconds. */
  dueMs = Number.POSITIVE_INFINITY;

  constructor(context: TryLogContext, options: TryLogOptions) {
    this.#context = context;
    this.#options = options;
    this.#index = new IndexWriter({
      timeline: this.#timeline,
      written: () => ({
        stdout: this.#chunks?.stdout.written ?? 0,
        stderr: this.#chunks?.stderr.written ?? 0,
      }),
      put: (number, text, signal) => this.#put('index', number, text, signal),
    });
  }

  write(stream: Stream, data: Buffer): Promise<void> | undefined {
    this.#bytes[stream] += data.length;
    if (this.#place === 'inline' && !this.#fits()) this.#leaveRecord();
    this.#tail.write(data);
    const held = this.#place === 'nowhere' ? undefined : this.#keep(stream, this.#within(stream, data));
    this.#touch();
    return held;
  }

  /** Sends off what came since the last time, and notes it in the record. Never rejects. */
  async flush(): Promise<void> {
    const { clock, flushMs, complaints } = this.#context;
    this.dueMs = Number.POSITIVE_INFINITY;
    if (this.#flushing) return;
    this.#flushing = true;
    this.#flushes += 1;
    this.#dirty = false;
    if (this.#place === 'bucket') await resolvesWithin(clock, flushMs, this.#sendOff());
    this.#noting = true;
    if (!this.#ended) await this.#options.note(this.#known()).catch((error) => complaints.failed(error));
    this.#noting = false;
    this.#flushing = false;
    if (this.#dirty) this.#setDate();
  }

  /**
   * To be called when the worker has ended: waits for the last chunks, for a bounded time. Never rejects.
   *
   * @param alone whether nobody writes the end of this try into its record: then the bucket has all that can be had
   */
  async end({ alone = false } = {}): Promise<TryLog> {
    this.#ended = true;
    this.#context.forget(this);
    if (alone && this.#context.bucket && this.#place === 'inline' && this.#total > 0) this.#leaveRecord();
    if (this.#place === 'bucket') await this.#finish();
    const log = this.#known();
    const lost = (log.stdout.lost ?? 0) + (log.stderr.lost ?? 0) - this.#beyondTotal;
    if (lost > 0) this.#context.complaints.lost(lost);
    if (alone && this.#total > 0) await this.#options.note(log).catch(() => undefined);
    return log;
  }

  get #total(): number {
    return this.#bytes.stdout + this.#bytes.stderr;
  }

  #fits(): boolean {
    return this.#total <= LONGEST_INLINE_LOG && this.#timeline.length < LONGEST_TIMES;
  }

  get #beyondTotal(): number {
    return this.#beyond.stdout + this.#beyond.stderr;
  }

  /** What of it may be kept: up to `maxBytes`, both streams together, and then no more. */
  #within(stream: Stream, data: Buffer): Buffer {
    const kept = this.#total - data.length - this.#dropped.stdout - this.#dropped.stderr;
    const room = this.#beyondTotal > 0 ? 0 : this.#context.maxBytes - kept;
    const within = data.subarray(0, room);
    this.#beyond[stream] += data.length - within.length;
    return within;
  }

  /** Returns what holds the worker back, if the agent's memory is full. */
  #keep(stream: Stream, data: Buffer): Promise<void> | undefined {
    if (data.length === 0) return undefined;
    const { memory, bucket, clock } = this.#context;
    if (!this.#chunks) {
      this.#timeline.add(clock.now(), stream, data.length);
      return undefined;
    }
    if (!memory.exhausted) this.#impatient = false;
    else if (this.#impatient || bucket?.away) {
      this.#dropped[stream] += data.length;
      this.#timeline.addLost(clock.now(), stream, data.length);
      return undefined;
    }
    this.#timeline.add(clock.now(), stream, data.length);
    this.#chunks[stream].add(data);
    this.#countMoments();
    if (this.#timeline.length >= MOST_MOMENTS && this.#sending === 0) void this.#sendOff();
    if (memory.exhausted) {
      this.#waiting ??= this.#waitForRoom().finally(() => {
        this.#waiting = undefined;
      });
    }
    return this.#waiting;
  }

  async #waitForRoom(): Promise<void> {
    const { memory, patienceMs } = this.#context;
    // With nothing of its own on the way it would wait for others, and they perhaps for it.
    if (!this.#chunks?.stdout.writing && !this.#chunks?.stderr.writing) void this.#sendOff();
    const over = new AbortController();
    const late = this.#context.late(patienceMs, over.signal);
    this.#impatient = !(await memory.room(late));
    over.abort();
  }

  /** The record is too small for it: all that came so far goes the way of what is to come. */
  #leaveRecord(): void {
    const { bucket } = this.#context;
    if (!bucket) {
      this.#giveUp();
      return;
    }
    this.#place = 'bucket';
    const chunks = { stdout: this.#chunksOf('stdout'), stderr: this.#chunksOf('stderr') };
    this.#chunks = chunks;
    const all = this.#tail.bytes();
    let at = 0;
    for (const { stream, bytes } of this.#timeline.moments) {
      chunks[stream].add(all.subarray(at, at + bytes));
      at += bytes;
    }
    this.#countMoments();
  }

  #chunksOf(part: Stream): Chunks {
    const { memory, chunkBytes } = this.#context;
    return new Chunks({ memory, chunkBytes, write: (number, body) => this.#put(part, number, body) });
  }

  async #put(
    part: LogPart,
    number: number,
    body: Buffer | string,
    signal = this.#abort.signal,
  ): Promise<void> {
    const { job, key } = this.#options;
    try {
      await this.#context.bucket?.put(chunkKey(job, key, part, number), body, signal);
      // One that took its time: the note that could have told of it was made already.
      if (!this.#flushing || this.#noting) this.#touch();
    } catch (error) {
      if (isRefusal(error)) this.#giveUp();
      throw error;
    }
  }

  #giveUp(): void {
    this.#place = 'nowhere';
    this.#abort.abort();
    this.#chunks?.stdout.cut();
    this.#chunks?.stderr.cut();
    this.#timeline.clear();
    this.#countMoments();
  }

  /** What is there goes to the bucket, and then the index that tells of it. Never rejects. */
  async #sendOff(): Promise<void> {
    const chunks = this.#chunks;
    if (!chunks) return;
    this.#sending += 1;
    chunks.stdout.cut();
    chunks.stderr.cut();
    await Promise.all([chunks.stdout.settled(), chunks.stderr.settled()]);
    if (!this.#abort.signal.aborted) await this.#index.write(this.#abort.signal);
    this.#countMoments();
    this.#sending -= 1;
  }

  /** All that is left, for as long as the end of a job may wait for it. */
  async #finish(): Promise<void> {
    const sent = this.#sendOff();
    const over = new AbortController();
    await Promise.race([sent, this.#context.late(this.#context.endPatienceMs(), over.signal)]);
    over.abort();
    this.#abort.abort();
    await sent;
    await this.#writeLastIndex();
    this.#timeline.clear();
    this.#countMoments();
  }

  async #writeLastIndex(): Promise<void> {
    const { clock, bucket } = this.#context;
    const written = (this.#chunks?.stdout.chunks ?? 0) + (this.#chunks?.stderr.chunks ?? 0);
    if (this.#place !== 'bucket' || !this.#index.behind || written === 0 || bucket?.away) return;
    const over = new AbortController();
    const index = this.#index.write(over.signal, true);
    await resolvesWithin(clock, INDEX_PATIENCE_MS, index);
    over.abort();
    await index;
  }

  #known(): TryLog {
    if (this.#place === 'inline') {
      return inlineLog(this.#tail.bytes(), this.#timeline.moments, this.#options.startedMs);
    }
    return {
      stdout: this.#streamLog('stdout'),
      stderr: this.#streamLog('stderr'),
      ...(this.#beyondTotal > 0 && this.#place === 'bucket' && { maxBytes: this.#context.maxBytes }),
      tail: this.#tail.toString(),
    };
  }

  #streamLog(stream: Stream): StreamLog {
    const bytes = this.#bytes[stream];
    const { chunks = 0, written = 0 } = this.#chunks?.[stream] ?? {};
    const over = this.#place === 'nowhere' || (this.#ended && this.#abort.signal.aborted);
    const lost = over ? bytes - written : this.#dropped[stream] + this.#beyond[stream];
    return { bytes, ...(chunks > 0 && { chunks }), ...(lost > 0 && { lost }) };
  }

  #touch(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    if (!this.#flushing) this.#setDate();
  }

  #setDate(): void {
    if (this.#ended) return;
    const { clock, flushMs } = this.#context;
    // Who follows a job sees at once that it prints; a long one writes hardly more often for it.
    const waitMs = Math.min(flushMs, FIRST_FLUSH_MS * 2 ** this.#flushes);
    this.dueMs = clock.monotonic() + waitMs;
    this.#context.ring(this.dueMs);
  }

  #countMoments(): void {
    const { memory } = this.#context;
    const bytes = this.#chunks ? this.#timeline.length * MOMENT_BYTES : 0;
    if (bytes > this.#momentBytes) memory.take(bytes - this.#momentBytes);
    else if (bytes < this.#momentBytes) memory.giveBack(this.#momentBytes - bytes);
    this.#momentBytes = bytes;
  }
}
