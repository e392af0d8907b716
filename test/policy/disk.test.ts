import { expect, test } from 'vitest';
import { type DiskSpace, findDiskProblem } from '../../policy/disk.ts';

const MIB = 1024 * 1024;
const roomy: DiskSpace = { path: '/var/lib', freeBytes: 900 * MIB, files: 100_000, freeFiles: 50_000 };

test.each<[string, Partial<DiskSpace>, string | undefined]>([
  ['has room', {}, undefined],
  ['has just enough', { freeBytes: 256 * MIB }, undefined],
  [
    'has less',
    { freeBytes: 256 * MIB - 1 },
    '/var/lib has 255 MiB free, less than the 256 MiB of minFreeDisk',
  ],
  ['is full', { freeBytes: 0 }, '/var/lib has 0 MiB free, less than the 256 MiB of minFreeDisk'],
  ['takes no more files', { freeFiles: 3 }, '/var/lib has room for 3 more files, less than 1000'],
  ['does not count files', { files: 0, freeFiles: 0 }, undefined],
])('a disk that %s', (_, space, problem) => {
  expect(findDiskProblem([roomy, { ...roomy, ...space }], 256 * MIB)).toBe(problem);
});

test('a fleet without a minimum of free space has no problem', () => {
  expect(findDiskProblem([{ ...roomy, freeBytes: 0 }], 0)).toBeUndefined();
  expect(findDiskProblem([], 256 * MIB)).toBeUndefined();
});
