import type { Waiting } from '../../policy/waiting.ts';
import type { Step } from '../session/script.ts';

/** A change by hand, and what `mayfly doctor` says about it. */
export interface Damage extends Step {
  finding: string;
}

/** `main.ts` sets the variables. */
export const DAMAGES: readonly Damage[] = [
  {
    comment: 'launches are suspended',
    typed: 'aws autoscaling suspend-processes --auto-scaling-group-name $GROUP --scaling-processes Launch',
    finding: "The group's process Launch is suspended",
  },
  {
    comment: 'the scaling policy is deleted',
    typed: 'aws autoscaling delete-policy --auto-scaling-group-name $GROUP --policy-name $POLICY',
    finding: 'The scaling policy',
  },
  {
    comment: 'the launch hook is deleted',
    typed:
      'aws autoscaling delete-lifecycle-hook --auto-scaling-group-name $GROUP --lifecycle-hook-name $LAUNCH_HOOK',
    finding: 'The launch hook',
  },
  {
    comment: 'the termination hook is deleted',
    typed:
      'aws autoscaling delete-lifecycle-hook --auto-scaling-group-name $GROUP --lifecycle-hook-name $TERMINATION_HOOK',
    finding: 'The termination hook',
  },
  {
    comment: 'the maximum is lowered',
    typed: 'aws autoscaling update-auto-scaling-group --auto-scaling-group-name $GROUP --max-size 1',
    finding: 'Its maximum size was set to 1 by hand',
  },
  {
    comment: 'the minimum is raised',
    typed: 'aws autoscaling update-auto-scaling-group --auto-scaling-group-name $GROUP --min-size 1',
    finding: 'Its minimum size was set to 1 by hand',
  },
  {
    comment: 'protection from scale-in is switched off',
    typed:
      'aws autoscaling update-auto-scaling-group --auto-scaling-group-name $GROUP --no-new-instances-protected-from-scale-in',
    finding: 'New instances are not protected from scale-in',
  },
  {
    comment: "the alarm's actions are disabled",
    typed: 'aws cloudwatch disable-alarm-actions --alarm-names $ALARM',
    finding: 'are disabled: only the keeper launches',
  },
  {
    comment: "the queue's visibility timeout is changed",
    typed: 'aws sqs set-queue-attributes --queue-url $QUEUE --attributes VisibilityTimeout=600',
    finding: "The queue's visibility timeout is 600 s",
  },
  {
    comment: 'dead letters are kept for a day only',
    typed: 'aws sqs set-queue-attributes --queue-url $DEAD_LETTERS --attributes MessageRetentionPeriod=86400',
    finding: 'They are kept for 1 d',
  },
];

const DIAGNOSE: Step = { comment: 'what is wrong, and what to do', typed: "mayfly doctor | grep -v '^ok'" };
const REPAIR =
  'mayfly doctor --json | jq -r \'.findings[] | .advice // empty | select(test("^(aws|mayfly) "))\' > mend.sh; ' +
  'sh mend.sh > /dev/null';

export const DOCTOR: readonly Step[] = [
  { comment: 'a fleet as it was deployed', typed: 'mayfly doctor' },
  ...DAMAGES,
  DIAGNOSE,
  { comment: 'all of its commands, as it says them', typed: REPAIR },
  {
    comment: 'what is left: the alarm has yet to be given the policy that was made again',
    typed: DIAGNOSE.typed,
  },
  { comment: 'the same once more', typed: REPAIR },
  { comment: 'and all is as it was', typed: 'mayfly doctor' },
];

/** A step that is typed when the last enqueued job waits for `when`. */
export interface WaitingStep extends Step {
  when?: Waiting['what'];
  /** What `mayfly status` then says about the wait. */
  expected?: RegExp;
}

const WHY = "mayfly status $ID | grep 'why it waits'";

export const WAITING: readonly WaitingStep[] = [
  { comment: 'a fleet that launches nothing for now', typed: 'mayfly fleet pause' },
  {
    comment: 'a job that fails the first time',
    typed: "mayfly enqueue 'echo try $MAYFLY_ATTEMPT; test $MAYFLY_ATTEMPT -gt 1'",
  },
  { comment: 'why does it wait?', typed: WHY, when: 'paused', expected: /is paused since/ },
  {
    comment: 'the pause is over, and now?',
    typed: `mayfly fleet resume && ${WHY}`,
    expected: /no instance is there yet|is launching/,
  },
  {
    comment: 'a while later it has been tried once',
    typed: WHY,
    when: 'retry',
    expected: /is tried again at/,
  },
  { comment: 'it ends well the second time', typed: 'mayfly wait $ID' },
  { comment: 'a job that takes the only slot there may be', typed: "mayfly enqueue 'sleep 90'" },
  { comment: 'and one that is not to begin at once', typed: "mayfly enqueue --delay 40 'echo done'" },
  { comment: 'why does that one wait?', typed: WHY, when: 'delay', expected: /with a delay, until/ },
  { comment: 'half a minute later', typed: WHY, when: 'maximum', expected: /the maximum of 1/ },
  { comment: 'to its end', typed: 'mayfly wait $ID' },
];

/** The steps whose reasons are missing in the recording of jobs that wait. */
export function missingReasons(text: string): string[] {
  const reasons = text.match(/why it waits: .*/g) ?? [];
  return WAITING.filter(({ expected }) => expected)
    .filter(({ expected }, at) => !expected?.test(reasons[at] ?? ''))
    .map(({ comment }) => comment);
}
