import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { type FleetWithAgent, fleetsWithAgent } from '../../../support/fleet-with-agent.ts';

const BIN = resolve(import.meta.dirname, '../../../../bin/mayfly.js');
const KIB = 1024;
const BYTES = { encoding: 'buffer', stripFinalNewline: false } as const;

const open = fleetsWithAgent();

/** Starts an agent that writes small chunks of log often. */
async function start({ bench }: FleetWithAgent, script: string, log = {}): Promise<void> {
  const small = { chunkBytes: 4 * KIB, flushSeconds: 0.1, ...log };
  const { work } = await bench.agent(script, { logBucket: 'logs', log: small });
  work.resume();
}

/** Runs `mayfly logs`, as a user does. */
function logs({ fleet, bench }: FleetWithAgent, ...args: string[]) {
  const { queueUrl, table, logBucket, group, region } = fleet.facts;
  const env = {
    AWS_ENDPOINT_URL: bench.cloud.endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: bench.cloud.owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bench.cloud.owner.secretAccessKey,
    MAYFLY_QUEUE_URL: queueUrl,
    MAYFLY_TABLE: table,
    MAYFLY_LOG_BUCKET: logBucket,
    MAYFLY_AUTO_SCALING_GROUP: group,
  };
  return execa(process.execPath, [BIN, 'logs', ...args], { env, extendEnv: false, ...BYTES });
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('the log of a running worker', () => {
  it('is followed byte by byte, also when it moves from the record to the bucket', async () => {
    const manned = await open();
    await start(
      manned,
      `printf 'first '; until [ -e $DIRECTORY/seen ]; do sleep 0.02; done
       printf 'line\\n'; head -c 300000 /dev/urandom | tee $DIRECTORY/bytes; echo warned >&2`,
    );
    const { id } = await manned.fleet.enqueue('x');
    const child = logs(manned, '-f', id);
    child.stdout.once('data', () => void manned.bench.touch('seen'));
    const { stdout, stderr } = await child;
    const printed = await readFile(join(manned.bench.directory, 'bytes'));
    const head = Buffer.from('first line\n');
    const all = Buffer.concat([head, printed]);
    expect(digest(Buffer.from(stdout))).toBe(digest(all));
    expect(Buffer.from(stderr).toString()).toMatch(/^warned$/m);
    expect(await manned.fleet.status(id)).toMatchObject({
      state: 'succeeded',
      log: {
        stdoutBytes: 300_011,
        stderrBytes: 7,
        location: expect.stringContaining(`s3://logs/jobs/${id}/`),
      },
    });
  });

  it('is followed over its tries', async () => {
    const manned = await open();
    await start(manned, 'echo try $MAYFLY_ATTEMPT; [ $MAYFLY_ATTEMPT = 2 ]');
    const { id } = await manned.fleet.enqueue('x');
    const events: string[] = [];
    for await (const event of manned.fleet.logs(id, { follow: true })) {
      events.push(event.kind === 'output' ? Buffer.from(event.bytes).toString() : event.kind);
    }
    // There can be waits before the first try and between the tries.
    const others = events.filter((event) => event !== 'waiting');
    expect(others.slice(-2)).toEqual(['try 2\n', 'end']);
    const first = [];
    for await (const event of manned.fleet.logs(id, { try: 1 }))
      if (event.kind === 'output') first.push(event);
    expect(Buffer.concat(first.map(({ bytes }) => bytes)).toString()).toBe('try 1\n');
  });

  it('has one message for what is beyond maxLog, at its end', async () => {
    const manned = await open();
    const script =
      'head -c 50000 /dev/zero; until [ -e $DIRECTORY/go ]; do sleep 0.02; done; head -c 500 /dev/zero; echo why >&2';
    await start(manned, script, { maxBytes: 40_000 });
    const { id } = await manned.fleet.enqueue('x');
    const child = logs(manned, '-f', id);
    child.stdout.once('data', () => void manned.bench.touch('go'));
    const { stdout, stderr } = await child;
    expect(stdout).toHaveLength(40_000);
    expect(
      Buffer.from(stderr)
        .toString()
        .match(/^mayfly: .* missing.*$/gm),
    ).toEqual([
      "mayfly: 10500 bytes of stdout are missing here: they are beyond the fleet's maxLog (`mayfly status` may have the last lines)",
      "mayfly: 4 bytes of stderr are missing here: they are beyond the fleet's maxLog (`mayfly status` may have the last lines)",
    ]);
    const { log } = await manned.fleet.status(id);
    expect(log).toMatchObject({ stdoutBytes: 50_500, stderrBytes: 4, lostBytes: 10_504, maxBytes: 40_000 });
  });

  it('has a hole for what could not be written to the bucket', async () => {
    const manned = await open();
    const { cloud } = manned.bench;
    cloud.faults.add({
      service: 's3',
      action: 'PutObject',
      effect: { kind: 'error', code: 'AccessDenied', status: 403 },
    });
    await start(manned, 'head -c 50000 /dev/zero; until [ -e $DIRECTORY/go ]; do sleep 0.02; done');
    const { id } = await manned.fleet.enqueue('x');
    await manned.bench.touch('go');
    await manned.fleet.wait([id]);
    const holes = [];
    for await (const event of manned.fleet.logs(id)) if (event.kind === 'hole') holes.push(event);
    expect(holes).toEqual([{ kind: 'hole', stream: 'stdout', bytes: 50_000, why: 'lost' }]);
  });
});
