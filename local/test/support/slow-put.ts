import { once } from 'node:events';
import { request } from 'node:http';
import { presign } from '../../front-door/presign.ts';
import type { TestCloud } from './cloud.ts';

export interface SlowPut {
  /** The status of the answer; undefined if there was none. */
  answered: Promise<number | undefined>;
  /** Sends the last byte. */
  end(): void;
  /** Hangs up. */
  abort(): Promise<void>;
}

/** Starts a write of an object and holds back its last byte. Resolves when the cloud reads it. */
export async function slowPut(
  cloud: TestCloud,
  { Bucket, Key }: { Bucket: string; Key: string },
  headers: Record<string, string> = {},
): Promise<SlowPut> {
  const url = presign(`${cloud.endpoint}/${Bucket}/${Key}`, {
    ...{ method: 'PUT', keys: cloud.owner, region: cloud.region, expiresSeconds: 60, atMs: Date.now() },
  });
  const sent = request(url, {
    method: 'PUT',
    agent: false,
    headers: { 'content-length': 2, 'content-type': 'text/plain', expect: '100-continue', ...headers },
  });
  const answered = new Promise<number | undefined>((resolve) => {
    sent.once('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.once('error', () => resolve(undefined));
  });
  sent.flushHeaders();
  await once(sent, 'continue');
  sent.write('o');
  return {
    answered,
    end: () => void sent.end('k'),
    abort: () =>
      new Promise((resolve) => {
        sent.once('close', resolve);
        sent.destroy();
      }),
  };
}
