import { isBucketRefusal } from '../../aws/bucket-refusals.ts';
import { MAX_INLINE_LOG_BYTES, type StreamLog, type TryLog } from '../../jobs/record.ts';
import { resolvesWithin } from '../../lib/with-timeout.ts';
import { chunkKey, type LogPart } from '../../store/bucket-keys.ts';
import type { OutputSink } from '../runner/runner.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { IndexWriter } from './index-writer.ts';
import { createInlineLog, MAX_INLINE_ENTRIES } from './inline-log.ts';
import { OutputTail } from './output-tail.ts';
import { type Stream, Timeline } from './timeline.ts';
import type { FlushableLog, TryLogContext } from './try-log-context.ts';

export interface TryLogOptions {
  job: string;
  /** The try's key (`tryKey`). */
  key: string;
  /** `startedAt` of its record, in epoch milliseconds. */
  startedMs: number;
  /** Writes what is known of the log to the record while the try runs. */
  note: (log: TryLog) => Promise<unknown>;
}

/** The approximate memory of an entry of the timeline. */
const ENTRY_BYTES = 64;

/** With so many entries an index is written at once. */
const MAX_ENTRIES = 4096;

/** From a try's first output to the first flush. Each further wait is twice as long, up to `flushSeconds`. */
const FIRST_FLUSH_MS = 1000;

/** The time for the last index, after the time for the last chunks has passed. */
const INDEX_TIMEOUT_MS = 1000;

/**
 * The log of one try. Gets its worker's output.
 *
 *     inline -> bucket -> nowhere
 *        \________________/
 *
 * `inline`: the whole log is short enough for the record. `bucket`: the whole log goes to the bucket. `nowhere`: there is
 * no bucket, or it refuses; only the end of the log is kept.
 */
export class TryLogWriter implements OutputSink, FlushableLog {
  readonly #context: TryLogContext;
  readonly #options: TryLogOptions;
  readonly #timeline = new Timeline();
  readonly #tail = new OutputTail(MAX_INLINE_LOG_BYTES);
  readonly #bytes: Record<Stream, number> = { stdout: 0, stderr: 0 };
  readonly #dropped: Record<Stream, number> = { stdout: 0, stderr: 0 };
  /** Bytes beyond `maxBytes`. They are in no index: readers see from the record that they are missing. */
  readonly #beyond: Record<Stream, number> = { stdout: 0, stderr: 0 };
  readonly #abort = new AbortController();
  #place: 'inline' | 'bucket' | 'nowhere' = 'inline';
  #chunks: Record<Stream, ChunkWriter> | undefined;
  /** Memory that is reserved for the timeline. */
  #timelineBytes = 0;
  readonly #index: IndexWriter;
  #sending = 0;
  #waiting: Promise<void> | undefined;
  /** It has waited for memory as long as it may, and there was none since. */
  #hasTimedOut = false;
  /** Output came, or was written, since the last flush. */
  #dirty = false;
  #flushing = false;
  /** The record is being written. Output that comes meanwhile is not in it. */
  #noting = false;
  #flushes = 0;
  #ended = false;
  /** When it is to be flushed, in monotonic milliseconds. */
  dueMs = Number.POSITIVE_INFINITY;

  constructor(context: TryLogContext, options: TryLogOptions) {
    this.#context = context;
    this.#options = options;
    this.#index = new IndexWriter({
      timeline: this.#timeline,
      written: () => ({
        stdout: this.#chunks?.stdout.writtenBytes ?? 0,
        stderr: this.#chunks?.stderr.writtenBytes ?? 0,
      }),
      put: (number, text, signal) => this.#put('index', number, text, signal),
    });
  }

  write(stream: Stream, data: Buffer): Promise<void> | undefined {
    this.#bytes[stream] += data.length;
    if (this.#place === 'inline' && !this.#fits()) this.#leaveRecord();
    this.#tail.write(data);
    const wait = this.#place === 'nowhere' ? undefined : this.#keep(stream, this.#cutToLimit(stream, data));
    this.#touch();
    return wait;
  }

  /** Writes the output since the last flush to the bucket, and what is known to the record. Never rejects. */
  async flush(): Promise<void> {
    const { clock, flushMs, logThrottle } = this.#context;
    this.dueMs = Number.POSITIVE_INFINITY;
    if (this.#flushing) return;
    this.#flushing = true;
    this.#flushes += 1;
    this.#dirty = false;
    if (this.#place === 'bucket') await resolvesWithin(clock, flushMs, this.#writeOut());
    this.#noting = true;
    if (!this.#ended) await this.#options.note(this.#known()).catch((error) => logThrottle.failed(error));
    this.#noting = false;
    this.#flushing = false;
    if (this.#dirty) this.#scheduleFlush();
  }

  /**
   * To be called when the worker has ended. Waits a limited time for the last chunks. Never rejects.
   *
   * @param alone whether nobody writes the end of this try to its record: then as much as possible goes to the bucket
   */
  async end({ alone = false } = {}): Promise<TryLog> {
    this.#ended = true;
    this.#context.remove(this);
    if (alone && this.#context.bucket && this.#place === 'inline' && this.#total > 0) this.#leaveRecord();
    if (this.#place === 'bucket') await this.#finish();
    const log = this.#known();
    const lost = (log.stdout.lost ?? 0) + (log.stderr.lost ?? 0) - this.#beyondTotal;
    if (lost > 0) this.#context.logThrottle.lost(lost);
    if (alone && this.#total > 0) await this.#options.note(log).catch(() => undefined);
    return log;
  }

  get #total(): number {
    return this.#bytes.stdout + this.#bytes.stderr;
  }

  #fits(): boolean {
    return this.#total <= MAX_INLINE_LOG_BYTES && this.#timeline.length < MAX_INLINE_ENTRIES;
  }

  get #beyondTotal(): number {
    return this.#beyond.stdout + this.#beyond.stderr;
  }

  /** Returns the part of the data that is within `maxBytes`, both streams together. */
  #cutToLimit(stream: Stream, data: Buffer): Buffer {
    const kept = this.#total - data.length - this.#dropped.stdout - this.#dropped.stderr;
    const room = this.#beyondTotal > 0 ? 0 : this.#context.maxBytes - kept;
    const within = data.subarray(0, room);
    this.#beyond[stream] += data.length - within.length;
    return within;
  }

  /** Keeps data. If the agent's memory is full, returns a promise that the worker has to wait for. */
  #keep(stream: Stream, data: Buffer): Promise<void> | undefined {
    if (data.length === 0) return undefined;
    const { memory, bucket, clock } = this.#context;
    if (!this.#chunks) {
      this.#timeline.add(clock.now(), stream, data.length);
      return undefined;
    }
    if (!memory.isExhausted) this.#hasTimedOut = false;
    else if (this.#hasTimedOut || bucket?.isAway) {
      this.#dropped[stream] += data.length;
      this.#timeline.addLost(clock.now(), stream, data.length);
      return undefined;
    }
    this.#timeline.add(clock.now(), stream, data.length);
    this.#chunks[stream].add(data);
    this.#countTimeline();
    if (this.#timeline.length >= MAX_ENTRIES && this.#sending === 0) void this.#writeOut();
    if (memory.isExhausted) {
      this.#waiting ??= this.#waitForRoom().finally(() => {
        this.#waiting = undefined;
      });
    }
    return this.#waiting;
  }

  async #waitForRoom(): Promise<void> {
    const { memory, maxWaitMs } = this.#context;
    // Without a pending write of its own it would wait for other logs, and they perhaps for it.
    if (!this.#chunks?.stdout.isWriting && !this.#chunks?.stderr.isWriting) void this.#writeOut();
    const done = new AbortController();
    const timeout = this.#context.waitAtMost(maxWaitMs, done.signal);
    this.#hasTimedOut = !(await memory.waitForRoom(timeout));
    done.abort();
  }

  /** The log is too long for the record: what came so far goes to the bucket too. */
  #leaveRecord(): void {
    const { bucket } = this.#context;
    if (!bucket) {
      this.#abandonBucket();
      return;
    }
    this.#place = 'bucket';
    const chunks = { stdout: this.#createChunks('stdout'), stderr: this.#createChunks('stderr') };
    this.#chunks = chunks;
    const all = this.#tail.bytes();
    let at = 0;
    for (const { stream, bytes } of this.#timeline.entries) {
      chunks[stream].add(all.subarray(at, at + bytes));
      at += bytes;
    }
    this.#countTimeline();
  }

  #createChunks(part: Stream): ChunkWriter {
    const { memory, chunkBytes } = this.#context;
    return new ChunkWriter({ memory, chunkBytes, write: (number, body) => this.#put(part, number, body) });
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
      // The current flush has written the record already, so another one is needed.
      if (!this.#flushing || this.#noting) this.#touch();
    } catch (error) {
      if (isBucketRefusal(error)) this.#abandonBucket();
      throw error;
    }
  }

  #abandonBucket(): void {
    this.#place = 'nowhere';
    this.#abort.abort();
    this.#chunks?.stdout.cut();
    this.#chunks?.stderr.cut();
    this.#timeline.clear();
    this.#countTimeline();
  }

  /** Writes the open chunks to the bucket, and then their index. Never rejects. */
  async #writeOut(): Promise<void> {
    const chunks = this.#chunks;
    if (!chunks) return;
    this.#sending += 1;
    chunks.stdout.cut();
    chunks.stderr.cut();
    await Promise.all([chunks.stdout.settled(), chunks.stderr.settled()]);
    if (!this.#abort.signal.aborted) await this.#index.write(this.#abort.signal);
    this.#countTimeline();
    this.#sending -= 1;
  }

  /** Writes the rest, for as long as the end of a job may wait. */
  async #finish(): Promise<void> {
    const written = this.#writeOut();
    const done = new AbortController();
    await Promise.race([written, this.#context.waitAtMost(this.#context.maxEndWaitMs(), done.signal)]);
    done.abort();
    this.#abort.abort();
    await written;
    await this.#writeLastIndex();
    this.#timeline.clear();
    this.#countTimeline();
  }

  async #writeLastIndex(): Promise<void> {
    const { clock, bucket } = this.#context;
    const written = (this.#chunks?.stdout.chunks ?? 0) + (this.#chunks?.stderr.chunks ?? 0);
    if (this.#place !== 'bucket' || !this.#index.isBehind || written === 0 || bucket?.isAway) return;
    const abort = new AbortController();
    const index = this.#index.write(abort.signal, true);
    await resolvesWithin(clock, INDEX_TIMEOUT_MS, index);
    abort.abort();
    await index;
  }

  #known(): TryLog {
    if (this.#place === 'inline') {
      return createInlineLog(this.#tail.bytes(), this.#timeline.entries, this.#options.startedMs);
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
    const { chunks = 0, writtenBytes = 0 } = this.#chunks?.[stream] ?? {};
    const isFinal = this.#place === 'nowhere' || (this.#ended && this.#abort.signal.aborted);
    const lost = isFinal ? bytes - writtenBytes : this.#dropped[stream] + this.#beyond[stream];
    return { bytes, ...(chunks > 0 && { chunks }), ...(lost > 0 && { lost }) };
  }

  #touch(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    if (!this.#flushing) this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#ended) return;
    const { clock, flushMs } = this.#context;
    // The first flushes come soon, so that whoever follows the job sees output early.
    const waitMs = Math.min(flushMs, FIRST_FLUSH_MS * 2 ** this.#flushes);
    this.dueMs = clock.monotonic() + waitMs;
    this.#context.scheduleFlush(this.dueMs);
  }

  #countTimeline(): void {
    const { memory } = this.#context;
    const bytes = this.#chunks ? this.#timeline.length * ENTRY_BYTES : 0;
    if (bytes > this.#timelineBytes) memory.reserve(bytes - this.#timelineBytes);
    else if (bytes < this.#timelineBytes) memory.release(this.#timelineBytes - bytes);
    this.#timelineBytes = bytes;
  }
}
