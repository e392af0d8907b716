import { describe, expect, it } from 'vitest';
import { explainHeld, firstHeldNumber, type HeldJob, type HeldReason } from '../../../policy/groups/held.ts';
import {
  emptyGroup,
  type GroupState,
  type OpenRequest,
  type OutJob,
  type PlainJob,
} from '../../../policy/groups/state.ts';

const LIMITS = { lanes: 1, maxLanes: 20 };

const open = (more: Partial<OpenRequest> = {}): OpenRequest => ({
  ...{ id: 'r', index: 0, count: 10, policy: {}, submittedAtMs: 0, next: 2, waiting: {}, state: 'open' },
  ...{ generation: 1, batch: 0, batchStart: 1, batchFailed: 0, succeeded: 0, failed: 0, cancelled: 0 },
  lastRelease: 1,
  ...more,
});
const out = (number: number, more: Partial<OutJob> = {}): OutJob => ({
  ...{ request: 'r', number, sinceMs: number, stage: 'job', release: number, releasedAtMs: number },
  ...more,
});
const group = (more: Partial<GroupState> = {}): GroupState => ({
  ...emptyGroup('g'),
  out: { 'j-1': out(1) },
  requests: [open()],
  ...more,
});
const plain = (jobs: PlainJob[], stored = 0): GroupState['plain'] => ({
  ...{ jobs, head: 0, tail: stored > 0 ? 1 : 0, stored, lastRelease: 0 },
});
const LANE: { what: 'lanes'; lanes: number; holders: string[] } = {
  what: 'lanes',
  lanes: 1,
  holders: ['j-1'],
};
const third: HeldJob = { id: 'j-3', request: 'r', number: 3 };

/** Ten jobs that wait for their targets. */
const TEN = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [at + 100, `t${at}`]));
/** A hundred jobs that wait for their targets. */
const HUNDRED = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [at + 100, `s${at}`]));

describe('a held job of a request waits for', () => {
  it.each<[string, Partial<GroupState>, HeldReason]>([
    ['a lane, behind those before it', {}, { ...LANE, before: 1 }],
    [
      'a lane, behind those that were recalled',
      { requests: [open({ next: 3, waiting: { 1: '', 2: 's2' } })] },
      { ...LANE, before: 1 },
    ],
    [
      'all of several lanes, the oldest first',
      { lanes: 2, out: { 'j-2': out(2), 'j-1': out(1) }, requests: [open({ next: 3 })] },
      { what: 'lanes', lanes: 2, holders: ['j-1', 'j-2'], before: 0 },
    ],
    [
      'lanes that were lowered',
      { lanes: 1, out: { 'j-1': out(1), 'j-2': out(2) }, requests: [open({ next: 3 })] },
      { what: 'lanes', lanes: 1, holders: ['j-1', 'j-2'], before: 0 },
    ],
    [
      'its throttle, if lanes are free',
      { lanes: 3, requests: [open({ next: 3, policy: { throttle: 1 } })] },
      { what: 'throttle', throttle: 1, holders: ['j-1'], before: 0 },
    ],
    ['its target', { requests: [open({ next: 5, waiting: { 3: 's3' } })] }, { what: 'target', target: 's3' }],
    [
      'the targets of others, if too many wait for theirs',
      { requests: [open({ count: 500, next: 200, waiting: HUNDRED })] },
      { what: 'targets', waiting: 100 },
    ],
    [
      'so many jobs of all requests that wait for their targets',
      {
        requests: [
          open({ count: 900, next: 500, waiting: TEN }),
          ...['a', 'b', 'c', 'd', 'e'].map((id) => open({ id, count: 900, next: 500, waiting: HUNDRED })),
        ],
      },
      { what: 'targets', waiting: 510 },
    ],
    [
      'its batch',
      { requests: [open({ policy: { serial: [1, 3] } })] },
      { what: 'batch', batch: 2, batches: 4, current: 1, left: 1 },
    ],
    [
      'its batch, of which some were not released yet',
      { requests: [open({ policy: { serial: [2, 3] }, waiting: {} })] },
      { what: 'batch', batch: 2, batches: 4, current: 1, left: 2 },
    ],
    [
      'its request, which stopped in this group alone',
      { requests: [open({ state: 'stopped', reason: 'one failed', haltedAtMs: 7 })] },
      { what: 'request', state: 'stopped', reason: 'one failed', sinceMs: 7 },
    ],
    [
      'its group, which is stopped',
      { stopped: { atMs: 5, job: 'j-1', reason: 'sick' }, pausedAtMs: 6 },
      { what: 'group', state: 'stopped', reason: 'sick', sinceMs: 5 },
    ],
    ['its group, which is paused', { pausedAtMs: 6 }, { what: 'group', state: 'paused', sinceMs: 6 }],
    ['nothing, if a lane is free and its turn has come', { lanes: 2 }, { what: 'release' }],
    ['nothing, while it is being released', { out: { 'j-3': out(3) } }, { what: 'release' }],
    ['nothing, if its group has not taken the request yet', { requests: [] }, { what: 'release' }],
  ])('%s', (_, state, reason) => {
    const facts = { group: group(state), limits: LIMITS, request: { state: 'open' } as const };
    expect(explainHeld(third, facts)).toEqual(reason);
  });

  it.each<[object, HeldReason]>([
    [{ state: 'preparing' }, { what: 'preparing' }],
    [
      { state: 'stopped', reason: 'h: one failed', sinceMs: 3 },
      { what: 'request', state: 'stopped', reason: 'h: one failed', sinceMs: 3 },
    ],
    [
      { state: 'paused', reason: 'p' },
      { what: 'request', state: 'paused', reason: 'p', sinceMs: undefined },
    ],
    [{ state: 'cancelled' }, { what: 'request', state: 'cancelled', reason: undefined, sinceMs: undefined }],
  ])('its request, before anything of its group: %j', (request, reason) => {
    const stopped = { atMs: 5, job: 'j-1', reason: 'sick' };
    const facts = { group: group({ stopped }), limits: LIMITS, request: request as { state: 'open' } };
    expect(explainHeld(third, facts)).toEqual(reason);
  });
});

describe('a held job without a request waits for', () => {
  const jobs: PlainJob[] = [
    { id: 'p-1' },
    { id: 'p-2', target: 's2', waits: true },
    { id: 'p-3', target: 's3' },
  ];
  it.each<[string, string, Partial<GroupState>, HeldReason]>([
    ['a lane', 'p-1', { plain: plain(jobs) }, { ...LANE, before: 0 }],
    [
      'a lane, behind those that do not wait for targets',
      'p-3',
      { plain: plain(jobs) },
      { ...LANE, before: 1 },
    ],
    ['its target', 'p-2', { plain: plain(jobs) }, { what: 'target', target: 's2' }],
    [
      'its target, which a job of the group has',
      'p-3',
      { plain: plain(jobs), out: { 'j-1': out(1, { target: 's3' }) }, lanes: 2 },
      { what: 'target', target: 's3' },
    ],
    ['a lane, behind all that are known', 'p-9', { plain: plain(jobs, 4) }, { ...LANE, before: 2 }],
    [
      'the targets of others, if too many wait for theirs',
      'p-9',
      {
        plain: plain(
          Object.keys(HUNDRED).map((id) => ({ id, target: id, waits: true as const })),
          4,
        ),
      },
      { what: 'targets', waiting: 100 },
    ],
    ['nothing, if its group has not taken it yet', 'p-9', { plain: plain(jobs) }, { what: 'release' }],
    ['nothing, if a lane is free', 'p-1', { plain: plain(jobs), out: {} }, { what: 'release' }],
    [
      'its group',
      'p-1',
      { plain: plain(jobs), pausedAtMs: 1 },
      { what: 'group', state: 'paused', sinceMs: 1 },
    ],
  ])('%s', (_, id, state, reason) => {
    expect(explainHeld({ id, number: 0 }, { group: group(state), limits: LIMITS })).toEqual(reason);
  });
});

it.each<[string, Partial<OpenRequest>, number | undefined]>([
  ['the one after the last release', { next: 4 }, 4],
  ['one that was recalled', { next: 4, waiting: { 3: '', 1: 's1', 2: '' } }, 2],
  ['one that waits for its target, if nothing else is left', { next: 11, waiting: { 7: 's7', 5: 's5' } }, 5],
  ['none, if nothing is held', { next: 11 }, undefined],
])('the next of a request is %s', (_, more, number) => {
  expect(firstHeldNumber(open(more))).toBe(number);
});
