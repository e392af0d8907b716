import { createSeed } from '../../../client/enqueue/ids.ts';
import { findJobProblem } from '../../../client/enqueue/prepare.ts';
import type { Fleet } from '../../../client/fleet.ts';
import { quoteForShell } from '../../../lib/shell-word.ts';
import { escapeLine } from '../../terminal/escape.ts';
import { countOf } from '../../terminal/format.ts';
import { say } from '../../terminal/say.ts';
import { waitAndShow } from '../jobs/wait-for.ts';
import { checkJobsFile, type JobsFile, readJobsFile } from './jobs-file.ts';
import { openJournal, type SentJournal } from './journal.ts';
import type { FileOptions } from './options.ts';
import { sendJobs, toNewJob } from './send-jobs.ts';
import { canReadOnlyOnce, keepInputForLater, type ResumeAdvice, resumeCommand, spoolInput } from './spool.ts';

/**
 * Enqueues a job for each line of a file or of standard input. If an earlier run of the same file was interrupted, it
 * sends the rest.
 */
export async function enqueueFile(fleet: Fleet, options: FileOptions): Promise<void> {
  const { file, jsonLines = false, journal } = options;
  if (file === undefined || canReadOnlyOnce(file)) return enqueueSpooled(fleet, options);
  const jobs = { path: file, name: escapeLine(file), jsonLines };
  const journalPath = journal ?? `${file}.mayfly`;
  const kept = journal === undefined ? [] : ['--journal', quoteForShell(journal)];
  const command = resumeCommand(file, [...options.typed, ...kept]);
  const rest = { sentence: `The same command sends the rest: \`${command}\`.`, journalPath };
  await enqueueJobs(fleet, jobs, journalPath, options, () => rest);
}

/** Input that can be read only once is copied to a file first. */
async function enqueueSpooled(fleet: Fleet, options: FileOptions): Promise<void> {
  const { file, jsonLines = false, journal } = options;
  const spooled = await spoolInput(file);
  const name = file === undefined ? 'standard input' : escapeLine(file);
  const jobs = { path: spooled.path, name, jsonLines };
  const journalPath = journal ?? `${spooled.path}.mayfly`;
  const rest = { sentence: 'The same command with the same input sends the rest.', journalPath };
  try {
    await enqueueJobs(fleet, jobs, journalPath, options, (seed) =>
      journal === undefined ? keepInputForLater(spooled, seed, options) : rest,
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
  rest: (seed: string) => ResumeAdvice,
): Promise<void> {
  const { facts } = fleet;
  const { sha256, jobs } = await checkJobsFile(file, (job) => {
    const { body, ...own } = toNewJob(job, options);
    return findJobProblem(facts, body, own);
  });
  if (jobs === 0) {
    say(`${file.name} contains no jobs: it is empty.`);
    return;
  }
  const run = { sha256, name: file.name, fleet: facts.fleet, jsonLines: file.jsonLines };
  const journal = openJournal(journalPath, run, createSeed);
  const before = journal.changed ? await countSentBefore(file, journal, jobs) : journal.count;
  const sending = {
    fleet,
    file,
    journal,
    total: jobs,
    sentBefore: before,
    options,
    keepUnsent: () => rest(journal.seed),
  };
  const ids = await sendJobs(sending);
  journal.remove();
  if (options.poll > 0) {
    await waitAndShow(fleet, ids, { pollSeconds: options.poll, json: options.json === true, single: false });
  }
}

/** Counts the jobs of a changed file that an earlier run has sent, and says what is sent now. */
async function countSentBefore(file: JobsFile, journal: SentJournal, jobs: number): Promise<number> {
  let before = 0;
  for await (const { key } of readJobsFile(file)) if (journal.has(key)) before += 1;
  if (journal.count > 0) {
    say(
      `${file.name} was changed since an earlier run sent ${countOf(journal.count, 'job')} of it. ` +
        `It still contains ${before} of them. Its other ${countOf(jobs - before, 'job')} are sent now.`,
    );
  }
  return before;
}
