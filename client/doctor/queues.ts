import { SQS_MAX_RECEIVE_COUNT } from '../../lib/limits.ts';
import type { FleetFacts } from '../../store/fleet-facts.ts';
import { STATE_INDEX } from '../../store/table-schema.ts';
import { formatTime } from '../format-time.ts';
import type { CheckInput, QueueState } from './check-input.ts';
import { awsCommand, setQueueAttributeCommand, setRedriveCommand } from './commands.ts';
import { bad, checkRead, type Finding, ok, readValue, warn } from './finding.ts';

export function checkQueue({ queue, fleet, deadLetters }: CheckInput): Finding[] {
  return checkRead('queue', queue, (seen) => {
    const set = (attribute: string, value: number) =>
      setQueueAttributeCommand(fleet, fleet.queueUrl, attribute, value);
    const findings: Finding[] = [];
    // The settings of a fleet that was found by names are not known: these would be the defaults.
    if (hasKnownSettings(fleet) && seen.visibilitySeconds !== fleet.leaseSeconds) {
      findings.push(
        warn(
          'queue',
          `The queue's visibility timeout is ${seen.visibilitySeconds} s, but the fleet's lease is ${fleet.leaseSeconds} s: it was changed by hand.`,
          set('VisibilityTimeout', fleet.leaseSeconds),
        ),
      );
    }
    if (hasKnownSettings(fleet) && seen.retentionSeconds < fleet.retentionSeconds) {
      findings.push(
        warn(
          'queue',
          `The queue keeps messages for ${days(seen.retentionSeconds)}, not for ${days(fleet.retentionSeconds)}: a job that waits longer is lost, and is shown as queued.`,
          set('MessageRetentionPeriod', fleet.retentionSeconds),
        ),
      );
    }
    if (seen.delaySeconds > 0) {
      findings.push(
        warn('queue', `The queue delays every job by ${seen.delaySeconds} s.`, set('DelaySeconds', 0)),
      );
    }
    findings.push(...redriveOf(seen, readValue(deadLetters), fleet));
    if (findings.length > 0) return findings;
    return [ok('queue', `${seen.visible} waiting, ${seen.inFlight} in flight, ${seen.delayed} delayed`)];
  });
}

/** Whether the settings are known from the stack. */
export function hasKnownSettings({ keeperFunction }: CheckInput['fleet']): boolean {
  return keeperFunction !== undefined;
}

function redriveOf(
  { redrive }: QueueState,
  deadLetters: QueueState | undefined,
  fleet: FleetFacts,
): Finding[] {
  const repair = deadLetters
    ? setRedriveCommand(fleet, deadLetters.arn, SQS_MAX_RECEIVE_COUNT)
    : `Set its redrive policy again: the fleet's dead-letter queue, and a maxReceiveCount of ${SQS_MAX_RECEIVE_COUNT}.`;
  if (!redrive) return [warn('queue', 'The queue has no dead-letter queue any more.', repair)];
  const findings: Finding[] = [];
  if (deadLetters && redrive.arn !== deadLetters.arn) {
    findings.push(
      warn(
        'queue',
        `SQS moves messages of the queue to ${redrive.arn}, not to the fleet's dead-letter queue.`,
        repair,
      ),
    );
  }
  if (redrive.maxReceives < SQS_MAX_RECEIVE_COUNT) {
    findings.push(
      warn(
        'queue',
        `SQS moves a job to the dead-letter queue after ${redrive.maxReceives} receives (maxReceiveCount). Agents count attempts themselves, and may return a message without an attempt: such a job can fail without a try.`,
        repair,
      ),
    );
  }
  return findings;
}

export function checkDeadLetters({ deadLetters, queue, fleet }: CheckInput): Finding[] {
  if (!deadLetters) return [];
  return checkRead('dead letters', deadLetters, (seen) => {
    const findings: Finding[] = [];
    const count = seen.visible + seen.inFlight + seen.delayed;
    if (count > 0) findings.push(deadLettersFinding(count, seen));
    const kept = readValue(queue)?.retentionSeconds ?? 0;
    // "Amazon SQS dead-letter queues": a message that SQS moves keeps the date at which it was enqueued first.
    if (seen.retentionSeconds < kept) {
      findings.push(
        warn(
          'dead letters',
          `They are kept for ${days(seen.retentionSeconds)}, less than the ${days(kept)} of the queue: a message that has waited long may expire unnoticed.`,
          setQueueAttributeCommand(fleet, fleet.deadLetterQueueUrl, 'MessageRetentionPeriod', kept),
        ),
      );
    }
    return findings.length > 0 ? findings : [ok('dead letters', 'none')];
  });
}

function deadLettersFinding(
  count: number,
  { sample, sampleProblem }: Pick<QueueState, 'sample' | 'sampleProblem'>,
): Finding {
  const text = count === 1 ? 'There is one dead letter.' : `There are ${count} dead letters.`;
  const details = sampleProblem === undefined ? [] : [`They could not be received. ${sampleProblem}`];
  if (sample) {
    const at = sample.deadAt ? `, ${formatTime(sample.deadAt)}` : '';
    details.push(`${sample.id}${at}: ${sample.reason ?? 'the reason is not known'}`);
  }
  const advice =
    'mayfly dlq list; after the repair: mayfly dlq redrive --all, for jobs of a request: mayfly request retry';
  return warn('dead letters', text, advice, details);
}

export function checkTable({ table, fleet }: CheckInput): Finding[] {
  return checkRead('table', table, ({ status, indexStatus, olderIndexStatus, expiresBy }) => {
    const { table: name } = fleet;
    if (status !== 'ACTIVE' && status !== 'UPDATING') {
      return [
        bad('table', `The table ${name} is ${status}: agents do not start jobs that they cannot record.`),
      ];
    }
    const findings: Finding[] = [];
    if (indexStatus === undefined) {
      findings.push(...withoutStateIndex(fleet));
    } else if (indexStatus !== 'ACTIVE') {
      findings.push(
        warn(
          'table',
          `The index byState of the table ${name} is ${indexStatus}: until it is ACTIVE, the jobs of instances that are gone are not settled, and \`mayfly list\` reads the whole table.`,
          'Wait for it.',
        ),
      );
    }
    if (olderIndexStatus === undefined) {
      findings.push(
        warn(
          'table',
          `The table ${name} has no index byListing: jobs that instances of an earlier version run are not settled.`,
          'Create it again: partition key "listing" (String), all attributes.',
        ),
      );
    }
    findings.push(...checkRead('table', expiresBy, (attribute) => expiry(attribute, fleet)));
    return findings.length > 0 ? findings : [ok('table', name)];
  });
}

function expiry(attribute: string | undefined, fleet: FleetFacts): Finding[] {
  if (attribute === 'expires') return [];
  const flags = {
    'table-name': fleet.table,
    'time-to-live-specification': 'Enabled=true,AttributeName=expires',
  };
  return [
    warn(
      'table',
      `Items of the table ${fleet.table} do not expire: TTL is not on with the attribute "expires".`,
      awsCommand(fleet, 'dynamodb update-time-to-live', flags),
    ),
  ];
}

const PROJECTED = STATE_INDEX.projected.map((name) => `"${name}"`);
const NEW_STATE_INDEX =
  `partition key "${STATE_INDEX.partitionKey}" (String), sort key "${STATE_INDEX.sortKey}" (String), ` +
  `projected attributes ${PROJECTED.slice(0, -1).join(', ')} and ${PROJECTED.at(-1)}.`;

/**
 * The keeper of an earlier version does not need the index. There the next deployment creates it, and fails if it was
 * created by hand before.
 */
function withoutStateIndex(fleet: FleetFacts): Finding[] {
  const { table, scaleOut } = fleet;
  const text = `The table ${table} has no index byState: the keeper cannot settle lost jobs`;
  if (scaleOut) return [bad('table', `${text}.`, `Create it again: ${NEW_STATE_INDEX}`)];
  if (hasKnownSettings(fleet)) return [];
  return [
    warn(
      'table',
      `${text}, unless an earlier version has deployed the fleet.`,
      `If so, deploy the stack with this version. If not, create it again: ${NEW_STATE_INDEX}`,
    ),
  ];
}

export function checkLogBucket({ logBucket, fleet }: CheckInput): Finding[] {
  return checkRead('log bucket', logBucket, () => [ok('log bucket', fleet.logBucket)]);
}

function days(seconds: number): string {
  return seconds >= 86_400 ? `${Math.round(seconds / 8640) / 10} d` : `${seconds} s`;
}
