import { afterAll } from 'vitest';

// Files of tests share a process: what one sets in the environment, so that the SDK finds its cloud, ends with it.
const own = { ...process.env };

afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in own)) delete process.env[name];
  Object.assign(process.env, own);
});
