import fc from 'fast-check';
import type { Manner } from './calls.ts';
import { FORGERIES, type Forgery } from './forgery.ts';
import type { World } from './world.ts';

/** What happens next in a world. A number that is too large continues with the first. */
export type Step =
  | { do: 'answer'; nth: number; manner: Manner }
  | { do: 'answer-all' }
  | { do: 'deliver'; nth: number }
  | { do: 'wait'; seconds: number }
  | { do: 'exit'; nth: number; status: number; stopped: boolean }
  | { do: 'print'; nth: number; lines: number }
  | { do: 'cancel'; nth: number }
  | { do: 'redeliver'; nth: number }
  | { do: 'crash'; nth: number }
  | { do: 'cut'; nth: number }
  | { do: 'drain'; nth: number }
  | { do: 'keep' }
  | { do: 'forge'; nth: number; forgery: Forgery };

const nth = fc.nat(3);
const forgery: fc.Arbitrary<Forgery> = fc.record({
  what: fc.constantFrom(...FORGERIES),
  nonce: fc.boolean(),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      nth,
      manner: fc.constantFrom<Manner>('well', 'well', 'well', 'lost', 'refused'),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('answer-all' as const) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('deliver' as const), nth }) },
  {
    weight: 6,
    // A check for cancellations, a renewal, a lease, a limit.
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 5, 20, 31, 61) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('exit' as const),
      nth,
      status: fc.constantFrom(0, 1, 1, 65, 75),
      stopped: fc.boolean(),
    }),
  },
  {
    weight: 2,
    // A few lines fit into the record, a thousand do not.
    arbitrary: fc.record({ do: fc.constant('print' as const), nth, lines: fc.constantFrom(3, 1000) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('cancel' as const), nth }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('redeliver' as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const), nth }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cut' as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('drain' as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('keep' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('forge' as const),
      nth,
      forgery,
    }),
  },
);

/** Sequences of steps that are rare at random. */
const chain: fc.Arbitrary<Step[]> = fc.oneof(
  // A job runs.
  nth.map((agent): Step[] => [{ do: 'deliver', nth: agent }, { do: 'answer-all' }]),
  // A worker ends while its agent's network is down, and the write of its end arrives when another agent has the job.
  fc
    .tuple(nth, nth, fc.constantFrom(0, 1, 65, 75))
    .map(([agent, run, status]): Step[] => [
      { do: 'cut', nth: agent },
      { do: 'exit', nth: run, status, stopped: false },
      { do: 'wait', seconds: 61 },
      { do: 'deliver', nth: agent + 1 },
      { do: 'answer-all' },
      { do: 'cut', nth: agent },
      { do: 'answer-all' },
    ]),
  // An instance goes between the writes that settle a job.
  fc
    .tuple(nth, fc.constantFrom(0, 1, 65), nth, nth)
    .map(([run, status, writes, agent]): Step[] => [
      { do: 'exit', nth: run, status, stopped: false },
      ...Array.from({ length: writes }, (): Step => ({ do: 'answer', nth: 0, manner: 'well' })),
      { do: 'crash', nth: agent },
    ]),
  // A forged message comes while the job waits for its next try and no agent has it.
  fc
    .tuple(nth, fc.constantFrom(1, 75), nth, forgery, nth)
    .map(([run, status, job, forged, agent]): Step[] => [
      { do: 'exit', nth: run, status, stopped: false },
      { do: 'answer-all' },
      { do: 'forge', nth: job, forgery: forged },
      { do: 'deliver', nth: agent },
      { do: 'answer-all' },
    ]),
  // A heartbeat is lost, and with it the lease.
  nth.map((agent): Step[] => [
    { do: 'cut', nth: agent },
    { do: 'wait', seconds: 61 },
    { do: 'deliver', nth: agent + 1 },
    { do: 'answer-all' },
  ]),
  // A message comes a second time while its job runs: soon, or when the first lease would have ended.
  fc
    .tuple(fc.constantFrom(0, 1, 4), nth, nth)
    .map(([renewals, message, agent]): Step[] => [
      { do: 'wait', seconds: 5 },
      ...Array.from({ length: renewals }, (): Step[] => [
        { do: 'wait', seconds: 20 },
        { do: 'answer-all' },
      ]).flat(),
      { do: 'redeliver', nth: message },
      { do: 'deliver', nth: agent },
      { do: 'answer-all' },
    ]),
);

/** About as many as a job needs for a few tries. */
export const steps = fc
  .array(fc.oneof({ weight: 8, arbitrary: step.map((one) => [one]) }, { weight: 1, arbitrary: chain }), {
    minLength: 5,
    maxLength: 50,
    size: 'max',
  })
  .map((parts) => parts.flat());

export async function playStep(world: World, jobs: readonly string[], step: Step): Promise<void> {
  if (!(await done(world, jobs, step))) await world.goOn();
}

/** False: the step had nothing to work on. */
function done(world: World, jobs: readonly string[], step: Step): Promise<boolean> {
  switch (step.do) {
    case 'answer':
      return world.answer(step.nth, step.manner);
    case 'answer-all':
      return world.answerAll();
    case 'deliver':
      return world.deliver(step.nth);
    case 'wait':
      return world.wait(step.seconds);
    case 'exit':
      return world.exit(step.nth, step.status, step.stopped);
    case 'print':
      return world.print(step.nth, step.lines);
    case 'cancel':
      return world.cancel(jobs[step.nth % jobs.length] ?? '');
    case 'redeliver':
      return world.redeliver(step.nth);
    case 'crash':
      return world.crash(step.nth);
    case 'cut':
      return world.cut(step.nth);
    case 'drain':
      return world.drain(step.nth);
    case 'keep':
      return world.keep();
    case 'forge':
      return world.forge(jobs[step.nth % jobs.length] ?? '', step.forgery);
  }
}
