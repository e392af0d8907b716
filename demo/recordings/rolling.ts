import { requestJobId, stageJobId } from '../../jobs/released.ts';
import type { Step } from '../session/script.ts';

/** A step of the rolling restart, what it prints, and its exit status. */
interface RollingStep extends Step {
  expected: RegExp;
  /** Default 0. */
  status?: number;
}

const REQUEST =
  'mayfly request run --inventory examples/rolling/inventory.json --group-by family,tier --body 2.0 ' +
  '--serial 1,25% --healthy healthy --on-failure rollBack --settle 2 --check-limit 30 --id deploy-2';

// The ids of a request's jobs are computed from its own, so they are known before it runs.
const FAILED = requestJobId('deploy-2', 'shop/web', 7);
const ROLL_BACK = stageJobId(FAILED, 'rollBack');
const HELD = requestJobId('deploy-2', 'shop/web', 10);

/** The commands of `examples/rolling/README.md`, from the plan on. */
export const ROLLING: readonly RollingStep[] = [
  {
    comment: '24 servers, which are processes of this machine',
    typed: 'node examples/rolling/servers.mjs show',
    expected: /^version 1\.0, status 200, 24 of 24 servers$/m,
  },
  {
    comment: 'version 2.0 for all of them: who runs when?',
    typed: `${REQUEST} --plan`,
    expected: /^3 +1 +web-06 +web-07 +web-08 +web-09$/m,
  },
  {
    comment: 'run it',
    typed: `${REQUEST} --poll 1`,
    meanwhile: {
      comment: 'in another terminal: who has the lanes, and why is web-10 held?',
      typed: `mayfly group show shop/web && mayfly status ${HELD}`,
    },
    expected: /^deploy-2 {2}stopped since \S+: shop\/web: 1 of the 4 jobs of batch 3 failed$/m,
    // It has not ended.
    status: 123,
  },
  {
    comment: 'what went wrong on web-07',
    typed: `mayfly status ${FAILED}`,
    expected: new RegExp(`^ {2}roll-back ${ROLL_BACK}: succeeded$`, 'm'),
  },
  {
    comment: 'what its roll-back did',
    typed: `mayfly logs ${ROLL_BACK}`,
    expected: /^starting version 1\.0 again$/m,
  },
  {
    comment: 'and why is web-10 held now?',
    typed: `mayfly status ${HELD}`,
    expected: /^ {2}why it waits: request deploy-2 is stopped since .*`mayfly request resume deploy-2`/m,
  },
  {
    comment: 'the lanes of its group',
    typed: 'mayfly group show shop/web',
    expected: /^ +\S+ +0 of 4 lanes taken.*\n +request deploy-2, stopped: 0 running, 7 held$/m,
  },
  {
    comment: 'all servers are well, on two versions',
    typed: 'node examples/rolling/servers.mjs show',
    expected:
      /^version 1\.0, status 200, .*: web-07 web-10 .*\nversion 2\.0, status 200, .*: web-01 web-02 /m,
  },
  {
    comment: 'the setting that somebody forgot on web-07, and its job once more',
    typed:
      'echo CURRENCY=EUR >> $SHOP/web-07/server.conf && mayfly request retry deploy-2 --failed --id deploy-2b',
    expected: /^deploy-2b$/m,
  },
  {
    comment: 'the request of that one job',
    typed: 'mayfly request wait deploy-2b',
    expected: /^deploy-2b {2}ended$/m,
  },
  {
    comment: 'the others',
    typed: 'mayfly request resume deploy-2',
    expected: /^deploy-2 goes on: /m,
  },
  {
    comment: 'to their end',
    typed: 'mayfly request wait deploy-2',
    expected: /^ {2}█+ {2}15 of 16 done, 0 running, 0 held, 1 failed$/m,
    // A job failed.
    status: 1,
  },
  {
    comment: 'and web-07 has it too',
    typed: 'node examples/rolling/servers.mjs show',
    expected: /^version 2\.0, status 200, 24 of 24 servers$/m,
  },
];

/** The steps that did not print what they should have, in a recording of all of them. */
export function missingSteps(text: string): string[] {
  const begins = ROLLING.map(({ comment }) => text.indexOf(`# ${comment}\n`));
  return ROLLING.filter(({ expected }, at) => {
    const begin = begins[at] ?? -1;
    return begin < 0 || !expected.test(text.slice(begin, begins[at + 1]));
  }).map(({ comment }) => comment);
}
