import { createServer } from 'node:http';
import { S3Client } from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../aws/clock.ts';
import { Fleet } from '../../../client/fleet.ts';
import { createLogSource } from '../../../client/logs/log-source.ts';
import { bareFleets } from '../../support/bare-fleet.ts';

const open = bareFleets();

const STARTED = '2026-01-02T03:04:05.000Z';
const tried = { key: 'k1', instance: 'i-1', startedAt: STARTED };
const log = { stdout: { bytes: 3, text: 'go\n' }, stderr: { bytes: 0 } };

/** A clock whose sleep returns at once. */
const quick = { ...systemClock, sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };

describe('a minute without an answer of AWS', () => {
  it('does not end a log that is followed, but any other reading', async () => {
    const { fleet, record, cloud } = await open();
    const id = 'j-outage';
    await record({ id, state: 'running', tries: [{ ...tried, log }] });
    const outage = () =>
      cloud.faults.add({
        action: 'BatchGetItem',
        times: 6,
        effect: { kind: 'error', code: 'InternalServerError', status: 500 },
      });
    const following = new Fleet({ ...fleet.context, clock: quick });
    const kinds: string[] = [];
    let fault: ReturnType<typeof outage> | undefined;
    for await (const event of following.logs(id, { follow: true })) {
      kinds.push(event.kind);
      if (event.kind !== 'output') continue;
      fault = outage();
      await record({ id, state: 'succeeded', tries: [{ ...tried, endedAt: STARTED, log }] });
    }
    expect(kinds).toEqual(['try', 'output', 'end']);
    expect(fault?.timesApplied).toBe(6);
    outage();
    await expect(fleet.logs(id).next()).rejects.toThrow('No answer from the table');
  });
});

describe('a chunk whose body breaks off', () => {
  it('is requested again', async () => {
    const { fleet } = await open();
    let asked = 0;
    const server = createServer((_, response) => {
      asked += 1;
      response.writeHead(200, { 'content-length': '10' });
      if (asked > 2) return response.end('0123456789');
      response.write('01234', () => response.destroy());
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const client = new S3Client({
      region: 'us-east-1',
      endpoint: `http://127.0.0.1:${port}`,
      forcePathStyle: true,
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    const clients = Object.create(fleet.context.clients, { s3: { value: client } });
    const source = createLogSource({ ...fleet.context, clients }, 'j-a', false);
    expect(Buffer.from((await source.object('k1', 'stdout', 1)) ?? []).toString()).toBe('0123456789');
    expect(asked).toBe(3);
    client.destroy();
    server.close();
  });
});
