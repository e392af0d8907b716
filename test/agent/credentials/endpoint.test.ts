import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Admission, CredentialsEndpoint } from '../../../agent/credentials/endpoint.ts';
import { RateLimiter } from '../../../agent/credentials/rate-limiter.ts';
import { NoCredentialsError, type WorkerCredentials } from '../../../agent/credentials/session.ts';
import { type Clock, systemClock } from '../../../aws/clock.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const CREDENTIALS: WorkerCredentials = {
  AccessKeyId: 'ASIAWORKER',
  SecretAccessKey: 'secret',
  Token: 'session-token',
  Expiration: '2027-01-15T09:00:00Z',
};

let credentials: () => Promise<WorkerCredentials>;
let endpoint: CredentialsEndpoint;
let job: Admission;

async function open(clock: Clock): Promise<void> {
  endpoint = await CredentialsEndpoint.open({ credentials: () => credentials(), slots: 2, clock });
  job = endpoint.admit();
}

beforeEach(async () => {
  credentials = async () => CREDENTIALS;
  await open(systemClock);
});
afterEach(() => endpoint.close());

const urlOf = ({ variables }: Admission) => new URL(variables['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? '');
const tokenOf = ({ variables }: Admission) => variables['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? '';

interface Asked {
  url?: URL;
  method?: string;
  headers?: Record<string, string>;
}

async function ask({ url = urlOf(job), method = 'GET', headers = {} }: Asked = {}) {
  const signal = AbortSignal.timeout(20_000);
  const sent = request(url, { method, signal, headers: { authorization: tokenOf(job), ...headers } });
  sent.end();
  const [response] = await once(sent, 'response');
  let body = '';
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode as number, headers: response.headers, body: JSON.parse(body) };
}

describe('a worker', () => {
  test('gets a loopback address and a token that is not part of it', () => {
    expect(urlOf(job).hostname).toBe('127.0.0.1');
    expect(tokenOf(job).length).toBeGreaterThan(40);
    expect(urlOf(job).href).not.toContain(tokenOf(job));
  });

  test('gets credentials as a container does', async () => {
    expect(await ask()).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: CREDENTIALS,
    });
  });

  test('gets a status that SDKs retry during an outage of STS', async () => {
    credentials = async () => {
      throw new NoCredentialsError('STS sleeps', false);
    };
    expect(await ask()).toMatchObject({ status: 503, body: { message: 'STS sleeps' } });
  });

  test('gets an error when STS refuses the role', async () => {
    credentials = async () => {
      throw new NoCredentialsError('not authorized', true);
    };
    expect(await ask()).toMatchObject({
      status: 403,
      body: { code: 'AccessDenied', message: 'not authorized' },
    });
  });
});

describe('no credentials are given to', () => {
  test.each(['', 'x', 'Bearer token', 'x'.repeat(43)])('the token %j', async (authorization) => {
    expect(await ask({ headers: { authorization } })).toMatchObject({
      status: 403,
      body: { code: 'InvalidToken' },
    });
  });

  test("another job's token", async () => {
    const authorization = tokenOf(endpoint.admit());
    expect(await ask({ headers: { authorization } })).toMatchObject({ status: 403 });
  });

  test('a job that has ended, while others still run', async () => {
    const other = endpoint.admit();
    job.revoke();
    expect(await ask()).toMatchObject({ status: 403 });
    expect(await ask({ url: urlOf(other), headers: { authorization: tokenOf(other) } })).toMatchObject({
      status: 200,
    });
  });

  test.each(['/', '/credentials/', '/credentials/other', '/latest/meta-data/'])(
    'the path %s',
    async (path) => {
      expect(await ask({ url: new URL(path, urlOf(job)) })).toMatchObject({ status: 403 });
    },
  );

  test.each(['localhost', 'evil.example'])('the host %s (DNS rebinding)', async (name) => {
    const host = `${name}:${urlOf(job).port}`;
    expect(await ask({ headers: { host } })).toMatchObject({ status: 400, body: { code: 'InvalidHost' } });
  });

  test.each(['POST', 'PUT', 'DELETE'])('%s', async (method) => {
    expect(await ask({ method })).toMatchObject({ status: 405 });
  });
});

/** Opens as many connections as it can, repeatedly, and prints a line when it has opened the first thousand. */
const FLOOD = `import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))
held, opened = [], 0
while True:
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(("127.0.0.1", int(sys.argv[1])))
    held.append(connection)
    opened += 1
    if len(held) > 900:
        held.pop(0).close()
    if opened == 1000:
        print("under way", flush=True)`;

/** Holds as many connections as a port may have, and reopens each one that is lost. */
const HOLD = `import select, socket, sys
held, poll = {}, select.poll()
def connect():
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    held[connection.fileno()] = connection
    poll.register(connection, select.POLLIN)
for _ in range(300):
    connect()
print("held", flush=True)
while True:
    for descriptor, _ in poll.poll():
        poll.unregister(descriptor)
        held.pop(descriptor).close()
        connect()`;

const PYTHON = '/usr/bin/python3';

/** How long the JavaScript SDK waits for an answer before it asks again. On a busy machine a single answer may be late. */
const SDK_MS = 1000;

const medianOf = (times: number[]): number =>
  times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN;

describe('a worker that misbehaves', () => {
  /** Writes the text as it is. Resolves with all that comes back until the end. */
  async function talk(text: string): Promise<string> {
    const socket = connect(Number(urlOf(job).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', () => undefined);
    socket.write(text);
    await once(socket, 'close');
    return answer;
  }

  const head = () => `Host: ${urlOf(job).host}\r\nAuthorization: ${tokenOf(job)}\r\n`;
  const path = () => urlOf(job).pathname;

  test('with a body that does not end gets an answer and is disconnected', async () => {
    const answer = await talk(`GET ${path()} HTTP/1.1\r\n${head()}Content-Length: 1000000000\r\n\r\nxxxx`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('with headers that are too long is refused', async () => {
    const answer = await talk(`GET ${path()} HTTP/1.1\r\n${head()}X: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('with headers that never end is disconnected', async () => {
    const answer = await talk(`GET ${path()} HTTP/1.1\r\n`);
    expect(answer).toMatch(/^(HTTP\/1\.1 408 |$)/);
  });

  test('with something other than HTTP is disconnected', async () => {
    const answer = await talk('\0\0\0\0\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('gets one answer per connection', async () => {
    const one = `GET ${path()} HTTP/1.1\r\n${head()}\r\n`;
    const answer = await talk(one.repeat(3));
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  test('gets no more connections than the limit, and its agent goes on', async () => {
    let reset = 0;
    let dropped = 0;
    const sockets = Array.from({ length: 300 }, () => {
      const socket = connect(Number(urlOf(job).port), '127.0.0.1');
      socket.on('error', () => {
        reset += 1;
      });
      socket.on('close', () => {
        dropped += 1;
      });
      return socket;
    });
    // 128 are kept until they have sent nothing for two seconds. Those are closed without a reset.
    await eventually('the others to be dropped', () => dropped >= 300 - 128);
    for (const socket of sockets) socket.destroy();
    await eventually('their end', () => dropped === 300);
    expect(reset).toBeLessThanOrEqual(300 - 128);
    expect((await ask()).status).toBe(200);
  });

  test('keeps no job of another slot from being answered, however many connections it opens', async () => {
    const other = endpoint.admit();
    const flood = spawn(PYTHON, ['-c', FLOOD, urlOf(job).port], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(flood.stdout, 'data');
      const times: number[] = [];
      for (let asked = 0; asked < 15; asked += 1) {
        const startMs = performance.now();
        const answer = await ask({ url: urlOf(other), headers: { authorization: tokenOf(other) } });
        expect(answer.status).toBe(200);
        times.push(performance.now() - startMs);
      }
      expect(medianOf(times)).toBeLessThan(SDK_MS);
      expect(flood.exitCode).toBeNull();
    } finally {
      flood.kill('SIGKILL');
    }
  });

  test('cannot keep another job from its credentials by holding connections of its port: its own user has the most', async ({
    skip,
  }) => {
    if (process.getuid?.() !== 0 || process.platform !== 'linux') skip('it takes root to be two users');
    const asAnother = [
      '--reuid=60600',
      '--regid=65534',
      '--clear-groups',
      PYTHON,
      '-c',
      HOLD,
      urlOf(job).port,
    ];
    const holder = spawn('setpriv', asAnother, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(holder.stdout, 'data');
      const times: number[] = [];
      const startMs = performance.now();
      const answers = Array.from({ length: 15 }, async () => {
        const { status } = await ask();
        times.push(performance.now() - startMs);
        return status;
      });
      expect(await Promise.all(answers)).toEqual(answers.map(() => 200));
      expect(medianOf(times)).toBeLessThan(SDK_MS);
    } finally {
      holder.kill('SIGKILL');
    }
  });
});

/** Counts the calls of `sleep`. */
class CountingClock extends ManualClock {
  sleeps = 0;

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.sleeps += 1;
    return super.sleep(ms, signal);
  }
}

describe('a worker that asks without pause', () => {
  let clock: CountingClock;

  beforeEach(async () => {
    await endpoint.close();
    clock = new CountingClock();
    await open(clock);
  });

  test('gets all answers, but slowly', async () => {
    let answered = 0;
    const asked = Array.from({ length: 100 }, async () => {
      const { status } = await ask();
      answered += 1;
      return status;
    });
    await eventually('the others to wait', () => answered === 40 && clock.sleeps === 60);
    await clock.advance(749);
    expect(answered).toBe(40);
    await clock.advance(1);
    expect(new Set(await Promise.all(asked))).toEqual(new Set([200]));
  });

  test('does not slow down another worker', async () => {
    const other = endpoint.admit();
    const hammered = Array.from({ length: 60 }, () => ask());
    await eventually('its own to wait', () => clock.sleeps === 20);
    // The clock does not move: a delayed answer would not come.
    await ask({ url: urlOf(other), headers: { authorization: tokenOf(other) } });
    await clock.advance(750);
    await Promise.all(hammered);
  });
});

describe('the rate limit', () => {
  test('is forty at once, and twenty a second in the long run', async () => {
    const clock = new ManualClock();
    const pace = new RateLimiter(clock);
    let answered = 0;
    const ask = () => pace.acquire().then(() => answered++);
    for (let request = 0; request < 50; request += 1) void ask();
    await clock.advance(0);
    expect(answered).toBe(40);
    await clock.advance(749);
    expect(answered).toBe(40);
    await clock.advance(1);
    expect(answered).toBe(50);
    for (let request = 0; request < 50; request += 1) void ask();
    await clock.advance(0);
    expect(answered).toBe(50 + 15);
  });
});
