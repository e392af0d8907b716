import { afterAll } from 'vitest';

// Test files share a process. Each restores the environment in which it started, because it sets variables for the SDK.
const own = { ...process.env };

afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in own)) delete process.env[name];
  Object.assign(process.env, own);
});
