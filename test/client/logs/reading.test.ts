import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../aws/clock.ts';
import { type LogEvent, type LogOptions, readLog } from '../../../client/logs/reading.ts';
import { type JobRecord, MAX_INLINE_LOG_BYTES, type StreamLog, type Try } from '../../../jobs/record.ts';
import type { LogPart } from '../../../store/bucket-keys.ts';

const STARTED_MS = Date.parse('2026-01-01T00:00:00.000Z');

/** Steps of a worker and its agent: print, lose output, flush to the bucket, update the record. */
type Step = { do: 'print' | 'lose'; stream: 1 | 2; bytes: number } | { do: 'flush' } | { do: 'note' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('print' as const, 'print' as const, 'print' as const, 'lose' as const),
    stream: fc.constantFrom(1 as const, 2 as const),
    bytes: fc.integer({ min: 1, max: 3000 }),
  }),
  fc.constantFrom({ do: 'flush' } as const, { do: 'note' } as const),
);

/** A job whose only try is logged as `store/bucket-keys.ts` says, in memory. */
class LoggedJob {
  readonly objects = new Map<string, Buffer>();
  /** All output: one entry for each byte, or one for a hole. */
  readonly came: string[] = [];
  record: JobRecord;
  #held: [number, 1 | 2, number, Buffer][] = [];
  #all: [number, 1 | 2, number][] = [];
  #content = { 1: [] as Buffer[], 2: [] as Buffer[] };
  #bytes = { 1: 0, 2: 0 };
  #lost = { 1: 0, 2: 0 };
  #count = { stdout: 0, stderr: 0, index: 0 };
  #inBucket = false;
  #now = STARTED_MS;

  constructor() {
    const tried: Try = { key: 'k1', instance: 'i-1', startedAt: new Date(STARTED_MS).toISOString() };
    this.record = { pk: 'job#j-a', id: 'j-a', state: 'running', attempts: 1, tries: [tried] };
  }

  play(step: Step): void {
    this.#now += 1;
    if (step.do === 'note') this.note();
    else if (step.do === 'flush') this.flush();
    else this.#come(step.stream, step.bytes, step.do === 'lose');
  }

  #come(stream: 1 | 2, bytes: number, lose: boolean): void {
    // Output is only lost on its way to the bucket.
    const lost = lose && this.#inBucket;
    const content = Buffer.alloc(lost ? 0 : bytes, 33 + (this.#now % 90));
    this.#bytes[stream] += bytes;
    if (lost) this.#lost[stream] += bytes;
    this.#content[stream].push(content);
    this.#all.push([this.#now, stream, bytes]);
    this.#held.push([this.#now, stream, lost ? -bytes : bytes, content]);
    if (lost) this.came.push(`${stream} -${bytes}`);
    for (const byte of content) this.came.push(`${stream} ${byte}`);
    this.#inBucket ||= this.#bytes[1] + this.#bytes[2] > MAX_INLINE_LOG_BYTES;
  }

  /** @param dies after that many of the objects */
  flush(dies = 3): void {
    if (!this.#inBucket || this.#held.length === 0) return;
    const of = (stream: 1 | 2) =>
      Buffer.concat(this.#held.flatMap(([, one, , bytes]) => (one === stream ? [bytes] : [])));
    const index = this.#held.map(([at, stream, bytes]) => `${at} ${stream} ${bytes}\n`).join('');
    const parts: [LogPart, Buffer][] = [
      ['stdout', of(1)],
      ['stderr', of(2)],
      ['index', Buffer.from(index)],
    ];
    for (const [part, bytes] of parts.filter(([, { length }]) => length > 0).slice(0, dies)) {
      this.#count[part] += 1;
      this.objects.set(`${part}/${this.#count[part]}`, bytes);
    }
    this.#held = [];
  }

  note(): void {
    const [tried] = this.record.tries ?? [];
    if (!tried) throw new Error('no try');
    const log = { stdout: this.#stream(1, 'stdout'), stderr: this.#stream(2, 'stderr') };
    const times = this.#all.map(([at, ...rest]): [number, 1 | 2, number] => [at - STARTED_MS, ...rest]);
    this.record = { ...this.record, tries: [{ ...tried, log: this.#inBucket ? log : { ...log, times } }] };
  }

  #stream(stream: 1 | 2, part: 'stdout' | 'stderr'): StreamLog {
    const bytes = this.#bytes[stream];
    const lost = this.#lost[stream] || undefined;
    if (!this.#inBucket) return { bytes, text: Buffer.concat(this.#content[stream]).toString() };
    return { bytes, ...(this.#count[part] && { chunks: this.#count[part] }), ...(lost && { lost }) };
  }

  end(): void {
    this.flush();
    this.note();
    const [tried] = this.record.tries ?? [];
    const endedAt = new Date(this.#now).toISOString();
    if (tried) this.record = { ...this.record, state: 'succeeded', tries: [{ ...tried, endedAt }] };
  }

  /** The agent fails during a flush, and the job is queued again. */
  die(objects: number): void {
    this.flush(objects);
    this.record = { ...this.record, state: 'queued' };
  }

  get source() {
    return {
      record: async () => structuredClone(this.record),
      object: async (_key: string, part: LogPart, number: number) => this.objects.get(`${part}/${number}`),
    };
  }
}

/** What was read, in the form of `came`. */
function asCame(events: LogEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.kind === 'hole') return [`${event.stream === 'stdout' ? 1 : 2} -${event.bytes}`];
    if (event.kind !== 'output') return [];
    return [...event.bytes].map((byte) => `${event.stream === 'stdout' ? 1 : 2} ${byte}`);
  });
}

const ofStream = (came: string[], stream: 1 | 2) => came.filter((one) => one.startsWith(`${stream}`));

/** Reads the log. Each time the reader would wait, the job takes its next step. */
async function readWhile(
  job: LoggedJob,
  options: LogOptions,
  steps: Iterator<() => void>,
): Promise<LogEvent[]> {
  const clock = {
    ...systemClock,
    sleep: async () => {
      const { value, done } = steps.next();
      if (done) throw new Error('the reader waits though the job has ended');
      value();
    },
  };
  const events: LogEvent[] = [];
  for await (const event of readLog(job.source, options, clock)) events.push(event);
  return events;
}

describe('a log that is followed', () => {
  it('is read completely and in order, each byte once, wherever it is stored and whenever it is polled', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 40 }), async (steps) => {
        const job = new LoggedJob();
        function* life() {
          for (let at = 0; at < steps.length; ) {
            const from = at;
            while (at < steps.length && !steps[at]?.[1]) at += 1;
            at += 1;
            yield () => {
              for (const [one] of steps.slice(from, at)) job.play(one);
            };
          }
          yield () => job.end();
        }
        const events = await readWhile(job, { follow: true }, life());
        expect(asCame(events)).toEqual(job.came);
        expect(events[0]).toMatchObject({ kind: 'try', number: 1 });
        expect(events.at(-1)).toMatchObject({ kind: 'end', record: { state: 'succeeded' } });
      }),
      { numRuns: 200 },
    );
  });

  it('has only the stream that was requested', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.boolean(), async (steps, stdout) => {
        const job = new LoggedJob();
        for (const one of steps) job.play(one);
        job.end();
        const events = await readWhile(job, { stream: stdout ? 'stdout' : 'stderr' }, [].values());
        expect(asCame(events)).toEqual(ofStream(job.came, stdout ? 1 : 2));
      }),
      { numRuns: 100 },
    );
  });
});

describe('a try whose agent failed', () => {
  it('is read as far as it was stored, each stream in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), fc.nat({ max: 3 }), async (steps, objects) => {
        const job = new LoggedJob();
        for (const one of steps) job.play(one);
        job.die(objects);
        const events = await readWhile(job, {}, [].values());
        expect(events.at(-2)).toMatchObject({ kind: 'vanished', number: 1 });
        const read = asCame(events);
        for (const stream of [1, 2] as const) {
          const there = ofStream(read, stream).filter((one) => !one.includes('-'));
          const came = ofStream(job.came, stream).filter((one) => !one.includes('-'));
          expect(there).toEqual(came.slice(0, there.length));
          const part = stream === 1 ? 'stdout' : 'stderr';
          const written = [...job.objects].filter(([key]) => key.startsWith(part));
          const least = written.reduce((sum, [, { length }]) => sum + length, 0);
          expect(there.length).toBeGreaterThanOrEqual(least);
        }
      }),
      { numRuns: 200 },
    );
  });
});
