import { expect, test } from 'vitest';
import { explainWaiting, type Waiting, type WaitingFacts } from '../../policy/waiting.ts';

const NOW_MS = 1_000_000;
const free = { instance: 'i-free', is: 'free' } as const;
const busy = { instance: 'i-busy', is: 'busy' } as const;
const launching = { instance: 'i-new', is: 'launching', launchedAtMs: 5 } as const;
const leaving = { instance: 'i-old', is: 'other' } as const;

/** A fleet of at most three instances, one of which is busy, and nothing prevents a launch. */
const facts: WaitingFacts = {
  ...{ nowMs: NOW_MS, triedBefore: false, visible: 4, threshold: 1, desired: 1, there: 1, maxSize: 3 },
  ...{ launchSuspended: false, instances: [busy] },
};

/** In their order: the first cause that applies is returned. */
const cases: [string, Partial<WaitingFacts>, Waiting][] = [
  [
    'it is to be tried again later',
    { notBeforeMs: NOW_MS + 1, triedBefore: true },
    { what: 'retry', untilMs: NOW_MS + 1 },
  ],
  ['it was enqueued with a delay', { notBeforeMs: NOW_MS + 1 }, { what: 'delay', untilMs: NOW_MS + 1 }],
  ['the fleet is paused', { pausedAtMs: 7 }, { what: 'paused', sinceMs: 7 }],
  ['its message is not visible', { visible: 0 }, { what: 'message' }],
  [
    'an instance has a free slot',
    { instances: [free, launching, busy] },
    { what: 'nothing', instance: 'i-free' },
  ],
  [
    'an instance is launching',
    { instances: [busy, launching] },
    { what: 'launch', instance: 'i-new', sinceMs: 5 },
  ],
  ['the boot breaker is open', { trippedAtMs: 8 }, { what: 'breaker', sinceMs: 8 }],
  ['somebody has suspended launches', { launchSuspended: true }, { what: 'suspended' }],
  [
    'AWS refuses launches',
    { refused: { atMs: 9, message: 'no capacity' } },
    { what: 'refused', sinceMs: 9, message: 'no capacity' },
  ],
  [
    'an instance was just asked for, the last of the maximum',
    { instances: [busy, busy], desired: 3, there: 2 },
    { what: 'instance', busy: 2, isAsked: true },
  ],
  [
    'the maximum is reached',
    { instances: [busy, busy, leaving], desired: 3, there: 3 },
    { what: 'maximum', maxSize: 3, visible: 4 },
  ],
  ['too few jobs wait', { threshold: 10 }, { what: 'backlog', visible: 4, threshold: 10 }],
  ['all is as it should be', {}, { what: 'instance', busy: 1, isAsked: false }],
];

test.each(cases)('%s', (_, changes, waiting) => {
  expect(explainWaiting({ ...facts, ...changes })).toEqual(waiting);
});

test('returns the first cause that applies, even if others do', () => {
  const said: string[] = [];
  const changes = cases.map(([, one]) => one).toReversed();
  let all: WaitingFacts = Object.assign({}, facts, ...changes);
  all = { ...all, triedBefore: true, instances: [free, launching, busy] };
  const mend: Partial<WaitingFacts>[] = [
    { triedBefore: false },
    { notBeforeMs: NOW_MS },
    { pausedAtMs: undefined },
    { visible: 4 },
    { instances: [launching, busy, busy] },
    { instances: [busy, busy, leaving] },
    { trippedAtMs: undefined },
    { launchSuspended: false },
    { refused: undefined },
    { there: 3 },
    { maxSize: 4 },
    { threshold: 1 },
  ];
  for (const one of [{}, ...mend]) {
    all = { ...all, ...one };
    said.push(explainWaiting(all).what);
  }
  expect(said).toEqual(cases.map(([, , { what }]) => what));
});

test('a time that has passed does not count, and without a known threshold the job waits for an instance', () => {
  expect(explainWaiting({ ...facts, notBeforeMs: NOW_MS })).toMatchObject({ what: 'instance' });
  expect(explainWaiting({ ...facts, threshold: undefined })).toMatchObject({ what: 'instance' });
});
