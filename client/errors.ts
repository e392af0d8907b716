/** What the library refuses or could not do: a sentence that says what happened, to which job or fleet, and what to do. */
export class FleetError extends Error {
  override readonly name: string = 'FleetError';
}

/** An option with a value that is not allowed, or without another one that it needs. */
export class WrongOption extends FleetError {
  override readonly name = 'WrongOption';
}

/** There is no such fleet, or several that could be meant: the sentence lists what there is. */
export class FleetNotFound extends FleetError {
  override readonly name = 'FleetNotFound';
}

/** There are no AWS credentials, or AWS does not take them. */
export class NoCredentials extends FleetError {
  override readonly name = 'NoCredentials';
}

/** The credentials are good, but may not do this. */
export class AccessDenied extends FleetError {
  override readonly name = 'AccessDenied';
}

/** AWS asked for fewer calls, and went on asking while the call was repeated. */
export class Throttled extends FleetError {
  override readonly name = 'Throttled';
}

/** AWS gave no answer, or one that says that it is not well. */
export class Unreachable extends FleetError {
  override readonly name = 'Unreachable';
}

/** The fleet's queue, table or bucket is not there any more. */
export class StoreGone extends FleetError {
  override readonly name = 'StoreGone';
}

/** The fleet keeps no records of jobs (`trackJobs: false`), so nothing can be asked about one. */
export class NotTracked extends FleetError {
  override readonly name = 'NotTracked';
}

/** The fleet has no record of this job. */
export class UnknownJob extends FleetError {
  override readonly name = 'UnknownJob';
  readonly job: string;

  constructor(job: string, fleet: string) {
    super(
      `There is no job ${job} in fleet ${fleet}: its record has expired or was cleaned up, or it is another fleet's.`,
    );
    this.job = job;
  }
}

/** The fleet has no such instance, or has not heard of its agent yet. */
export class UnknownInstance extends FleetError {
  override readonly name = 'UnknownInstance';
  readonly instance: string;

  /** @param boots its group has it */
  constructor(instance: string, fleet: string, boots: boolean) {
    super(
      boots
        ? `The agent of ${instance} has not been heard of yet: it boots. Try again when \`mayfly fleet\` shows it at work.`
        : `There is no instance ${instance} in fleet ${fleet}. \`mayfly fleet\` shows those that there are.`,
    );
    this.instance = instance;
  }
}

/** What was asked for takes an instance that is in service, and this one waits in the warm pool. */
export class InPool extends FleetError {
  override readonly name = 'InPool';
}

/** There is no dead letter of this job. */
export class NoDeadLetter extends FleetError {
  override readonly name = 'NoDeadLetter';
}

/** What was asked for takes a job that has ended. */
export class JobIsLive extends FleetError {
  override readonly name = 'JobIsLive';
  readonly job: string;

  constructor(job: string, sentence: string) {
    super(sentence);
    this.job = job;
  }
}

/** A body that cannot be a job's. */
export class BadBody extends FleetError {
  override readonly name = 'BadBody';
}

/** The job's body is kept nowhere that it could be read from. */
export class BodyNotKept extends FleetError {
  override readonly name = 'BodyNotKept';
}

/** Which jobs of a run are on the queue and which are not, by their numbers in the run. */
export interface Sent {
  /** Names the run: the ids of its jobs are made of it and their numbers, but for those that have a dedupe key. */
  seed: string;
  /** All up to this one were sent. */
  through: number;
  /** Beyond that these were sent as well; */
  also: readonly number[];
  /** and of these nobody can say: their calls got no answer. To send one again is harmless: one id is one job. */
  unknown: readonly number[];
  /** Jobs that were read from the input, sent or not. What comes after was not sent. */
  read: number;
}

/** Some jobs of many were not sent. The cause says why; a second run with the same seed sends the rest. */
export class NotAllSent extends FleetError {
  override readonly name = 'NotAllSent';
  readonly sent: Sent;

  constructor(sentence: string, sent: Sent, cause: unknown) {
    super(sentence, { cause });
    this.sent = sent;
  }
}
