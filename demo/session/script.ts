/** Runs before the recording, because the session does not show the launch of an instance. */
export const WARM_UP = "mayfly enqueue --poll 1 'true'";

/** A command of the session. `$ID` is the last id that was printed. */
export interface Step {
  /** Shown above the command. */
  comment: string;
  typed: string;
  /** What to wait for before the step. Gets the last id that was printed. */
  before?: (id: string) => Promise<void>;
  /** A command that is typed in a second terminal while the first one still prints. `when`: what to wait for before it. */
  meanwhile?: { afterSeconds?: number; when?: () => Promise<void>; comment: string; typed: string };
}

export const SCRIPT: readonly Step[] = [
  {
    comment: 'a job of 2 s that may take 5, watched each second',
    typed: "mayfly enqueue --async 5 --poll 1 'sleep 2; echo painted'",
  },
  {
    comment: 'one of 60 s, which its limit ends for real',
    typed: 'mayfly enqueue --async 5 --poll 1 \'echo begun; sleep 60\'; echo "exit status $?"',
  },
  {
    comment: 'fire and forget: the id is all that is waited for',
    typed: 'mayfly enqueue --poll 0 \'for n in $(seq 60); do echo "tile $n of 60"; sleep 1; done\'',
  },
  {
    comment: 'its log while it runs',
    typed: 'mayfly logs --follow $ID',
    meanwhile: { afterSeconds: 5, comment: 'in another terminal', typed: 'mayfly cancel $ID' },
  },
  { comment: 'what became of it', typed: 'mayfly status $ID' },
];
