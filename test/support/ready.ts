import type { CloudAccess } from '../../demo/clients.ts';

/** The endpoint and the credentials in the first line that `mayfly local --json` prints. */
export function readyAccess(line: unknown): CloudAccess {
  const { endpoint, region, environment } = JSON.parse(String(line)) as {
    endpoint: string;
    region: string;
    environment: { AWS_ACCESS_KEY_ID: string; AWS_SECRET_ACCESS_KEY: string };
  };
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  return { endpoint, region, owner: { accessKeyId, secretAccessKey } };
}
