import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A line of a machine's journal. */
export interface JournalEntry {
  atMs: number;
  message: string;
  /** The unit that the line is about, if systemd wrote it. */
  unit?: string;
  /** The kind of event, as an id of systemd's message catalogue. */
  messageId?: string;
}

/** "SD_MESSAGE_UNIT_STARTED" of systemd's catalogue: the unit is active; a `Type=notify` service has notified systemd. */
const UNIT_STARTED = '39f53479d3a045ac8e11786248231fbf';
const SKIPPED = /^Condition check resulted in .* being skipped/;
const LARGEST_JOURNAL_BYTES = 256 * 1024 * 1024;

/** Reads the journal in a directory, ordered by time. The machine may still run. */
export async function readJournal(directory: string): Promise<JournalEntry[]> {
  const fields = '--output-fields=MESSAGE,MESSAGE_ID,UNIT';
  const args = ['--directory', directory, '--output=json', fields, '--no-pager', '--quiet'];
  const { stdout } = await run('journalctl', args, { maxBuffer: LARGEST_JOURNAL_BYTES });
  return stdout.split('\n').filter(Boolean).map(parseEntry);
}

/** journalctl(1), "json": a value that is not text is a list of bytes. */
export function parseEntry(line: string): JournalEntry {
  const { __REALTIME_TIMESTAMP: micros, MESSAGE, MESSAGE_ID, UNIT } = JSON.parse(line);
  return {
    atMs: Number(micros) / 1000,
    message: typeof MESSAGE === 'string' ? MESSAGE : '',
    ...(typeof UNIT === 'string' && { unit: UNIT }),
    ...(typeof MESSAGE_ID === 'string' && { messageId: MESSAGE_ID }),
  };
}

/** When a unit became active for the first time. systemd reports the same event for a start that it skipped. */
export function activeSinceMs(journal: readonly JournalEntry[], unit: string): number | undefined {
  const started = journal.find(
    (entry) => entry.unit === unit && entry.messageId === UNIT_STARTED && !SKIPPED.test(entry.message),
  );
  return started?.atMs;
}
