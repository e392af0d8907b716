/**
 * Base of all errors of the library. Its message is a sentence: what happened, to which job or fleet, and what to do.
 * If AWS or the network caused it, `cause` is the original error.
 */
export class FleetError extends Error {
  override readonly name: string = 'FleetError';
}

/** An option is unknown, its value is not allowed, or another option that it needs is missing. */
export class WrongOptionError extends FleetError {
  override readonly name = 'WrongOptionError';
}

/** No fleet matches, or several do. The message lists the fleets that exist. */
export class FleetNotFoundError extends FleetError {
  override readonly name = 'FleetNotFoundError';
}

/** No AWS credentials were found, or AWS does not accept them. */
export class NoCredentialsError extends FleetError {
  override readonly name = 'NoCredentialsError';
}

/** AWS accepts the credentials but denies them the call. */
export class AccessDeniedError extends FleetError {
  override readonly name = 'AccessDeniedError';
}

/** AWS throttled the call and all of its retries. */
export class ThrottledError extends FleetError {
  override readonly name = 'ThrottledError';
}

/** AWS gave no answer, or answered with a server error (5xx). */
export class UnreachableError extends FleetError {
  override readonly name = 'UnreachableError';
}

/** The fleet's queue, table, log bucket or Auto Scaling group does not exist any more. */
export class StoreGoneError extends FleetError {
  override readonly name = 'StoreGoneError';
}

/** The call needs job records, and the fleet keeps none (`trackJobs: false`). */
export class NotTrackedError extends FleetError {
  override readonly name = 'NotTrackedError';
}

/** The fleet has no record of the job. */
export class UnknownJobError extends FleetError {
  override readonly name = 'UnknownJobError';
  /** Id of the job. */
  readonly job: string;

  constructor(job: string, fleet: string) {
    super(
      `There is no job ${job} in fleet ${fleet}: its record has expired or was cleaned up, or it is a job of another fleet.`,
    );
    this.job = job;
  }
}

/** The fleet has no such request. */
export class UnknownRequestError extends FleetError {
  override readonly name = 'UnknownRequestError';
  /** Id of the request. */
  readonly request: string;

  constructor(request: string, fleet: string) {
    super(
      `There is no request ${request} in fleet ${fleet}: it has expired, or it is a request of another fleet. \`mayfly request list --ended\` shows all requests.`,
    );
    this.request = request;
  }
}

/** The request has the id of an earlier one, which asks something else. */
export class RequestConflictError extends FleetError {
  override readonly name = 'RequestConflictError';
  /** Id of the request. */
  readonly request: string;

  constructor(request: string) {
    super(
      `There is a request ${request} with other targets, bodies or options. Nothing was changed. Use another id, or the same input to go on with that request.`,
    );
    this.request = request;
  }
}

/** A group has so many open requests that it takes no more. */
export class GroupFullError extends FleetError {
  override readonly name = 'GroupFullError';
}

/** The request, the group or the job is in a state in which the call is not possible. */
export class WrongStateError extends FleetError {
  override readonly name = 'WrongStateError';
}

/** The fleet has no such instance, or the agent of the instance has not reported yet. */
export class UnknownInstanceError extends FleetError {
  override readonly name = 'UnknownInstanceError';
  /** Id of the instance. */
  readonly instance: string;

  /** @param isBooting its group has it */
  constructor(instance: string, fleet: string, isBooting: boolean) {
    super(
      isBooting
        ? `The instance ${instance} is booting, and its agent has not reported yet. Try again when \`mayfly fleet\` shows it as working or idle.`
        : `There is no instance ${instance} in fleet ${fleet}. \`mayfly fleet\` shows all instances.`,
    );
    this.instance = instance;
  }
}

/** The call needs an instance in service, and this one is in the warm pool. */
export class InWarmPoolError extends FleetError {
  override readonly name = 'InWarmPoolError';
}

/** The dead-letter queue has no message of the job. */
export class NoDeadLetterError extends FleetError {
  override readonly name = 'NoDeadLetterError';
}

/** The call needs a job that has ended, and this one has not. */
export class JobIsLiveError extends FleetError {
  override readonly name = 'JobIsLiveError';
  /** Id of the job. */
  readonly job: string;

  constructor(job: string, sentence: string) {
    super(sentence);
    this.job = job;
  }
}

/** The body is not valid: not UTF-8, not JSON, too long, or another body than that of the job with the same id. */
export class BadBodyError extends FleetError {
  override readonly name = 'BadBodyError';
}

/**
 * A request cannot be made of these targets: there are none, one occurs twice or under two names, or its group or body
 * cannot be made of its variables. The message names the first ten, with their lines or hosts.
 */
export class BadTargetsError extends FleetError {
  override readonly name = 'BadTargetsError';
}

/** An inventory of Ansible cannot be read. The message quotes Ansible. */
export class InventoryError extends FleetError {
  override readonly name = 'InventoryError';
}

/** The job's body is not stored any more, or it does not match the job's record. */
export class BodyNotKeptError extends FleetError {
  override readonly name = 'BodyNotKeptError';
}

/** Which jobs of an `enqueueMany` run were sent. Jobs are identified by their numbers in the run, from 1. */
export interface SentSummary {
  /** Names the run. The ids of its jobs are made of it and their numbers, except for jobs with a deduplication key. */
  seed: string;
  /** All jobs up to this number were sent. */
  through: number;
  /** Numbers of later jobs that were sent too. */
  also: readonly number[];
  /** Numbers of later jobs that may have been sent: the call got no answer. Sending such a job again is harmless. */
  unknown: readonly number[];
  /** Number of jobs that were read from the input. Jobs after it were not sent. */
  read: number;
}

/** `enqueueMany` did not send all jobs. `cause` is the reason. Run it again with the same seed to send the rest. */
export class NotAllSentError extends FleetError {
  override readonly name = 'NotAllSentError';
  readonly sent: SentSummary;

  constructor(sentence: string, sent: SentSummary, cause: unknown) {
    super(sentence, { cause });
    this.sent = sent;
  }
}
