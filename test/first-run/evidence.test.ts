import { expect, it } from 'vitest';
import { evidenceName } from '../../first-run/evidence.ts';
import { heartbeatKey, instanceLogKey } from '../../store/bucket-keys.ts';

it('gives each log a name of its own, with its instance', () => {
  const keys = ['i-1', 'i-2'].flatMap((instance) => [
    instanceLogKey(instance, '2026-01-02T03:04:05Z', { reason: 'boot-failed' }),
    heartbeatKey(instance),
  ]);
  const names = keys.map(evidenceName);
  expect(new Set(names).size).toBe(4);
  for (const name of names) expect(name).toMatch(/^i-[12]-[^/]+$/);
});
