import type { Fleet } from '../../../client/fleet.ts';
import { drawSeed } from '../../../client/enqueue/ids.ts';
import { problemOf } from '../../../client/enqueue/order.ts';
import { checkJobs, type JobsFile, readJobs } from './jobs-file.ts';
import { openJournal, type SentJournal } from './sent-journal.ts';
import { shellWord } from '../../shell-word.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { say } from '../../terminal/say.ts';
import { count } from '../../terminal/words.ts';
import type { FileOptions } from './options.ts';
import { newJob, sendJobs } from './send-jobs.ts';
import { commandFor, isReadOnce, keepRest, type Rest, spool } from './stdin-jobs.ts';
import { waitFor } from '../jobs/wait-for.ts';

/**
 * Enqueues a job for each line of a file or of standard input. If an earlier run of the same file was interrupted, it
 * sends the rest.
 */
export async function enqueueFile(fleet: Fleet, options: FileOptions): Promise<void> {
  const { file, jsonLines = false, journal } = options;
  if (file === undefined || isReadOnce(file)) return enqueueSpooled(fleet, options);
  const jobs = { path: file, name: escapeLine(file), jsonLines };
  const journalPath = journal ?? `${file}.mayfly`;
  const kept = journal === undefined ? [] : ['--journal', shellWord(journal)];
  const command = commandFor(file, [...options.typed, ...kept]);
  const rest = { how: `The same command sends the rest: \`${command}\`.`, journalPath };
  await enqueueJobs(fleet, jobs, journalPath, options, () => rest);
}

/** Input that can be read only once is copied to a file first. */
async function enqueueSpooled(fleet: Fleet, options: FileOptions): Promise<void> {
  const { file, jsonLines = false, journal } = options;
  const spooled = await spool(file);
  const name = file === undefined ? 'standard input' : escapeLine(file);
  const jobs = { path: spooled.path, name, jsonLines };
  const journalPath = journal ?? `${spooled.path}.mayfly`;
  const rest = { how: 'The same command with the same input sends the rest.', journalPath };
  try {
    await enqueueJobs(fleet, jobs, journalPath, options, (seed) =>
      journal === undefined ? keepRest(spooled, seed, options) : rest,
    );
  } finally {
    spooled.remove();
  }
}

/** @param rest called if not all jobs could be sent: keeps what a later run needs, and says how to run it */
async function enqueueJobs(
  fleet: Fleet,
  file: JobsFile,
  journalPath: string,
  options: FileOptions,
  rest: (seed: string) => Rest,
): Promise<void> {
  const { facts } = fleet;
  const { sha256, jobs } = await checkJobs(file, (job) => {
    const { body, ...own } = newJob(job, options);
    return problemOf(facts, body, own);
  });
  if (jobs === 0) {
    say(`${file.name} contains no jobs: it is empty.`);
    return;
  }
  const run = { sha256, name: file.name, fleet: facts.fleet, jsonLines: file.jsonLines };
  const journal = openJournal(journalPath, run, drawSeed);
  const before = journal.changed ? await countSentBefore(file, journal, jobs) : journal.count;
  const sending = { fleet, file, journal, total: jobs, before, options, rest: () => rest(journal.seed) };
  const ids = await sendJobs(sending);
  journal.remove();
  if (options.poll > 0) {
    await waitFor(fleet, ids, { pollSeconds: options.poll, json: options.json === true, single: false });
  }
}

/** Counts the jobs of a changed file that an earlier run has sent, and says what is sent now. */
async function countSentBefore(file: JobsFile, journal: SentJournal, jobs: number): Promise<number> {
  let before = 0;
  for await (const { key } of readJobs(file)) if (journal.has(key)) before += 1;
  if (journal.count > 0) {
    say(
      `${file.name} was changed since an earlier run sent ${count(journal.count, 'job')} of it. ` +
        `It still contains ${before} of them. Its other ${count(jobs - before, 'job')} are sent now.`,
    );
  }
  return before;
}
