import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { type MessageAttributeValue, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { bodyKey } from '../../../../jobs/body-key.ts';
import { createDeadLetterAttributes } from '../../../../jobs/dead-letter.ts';
import { digestBody } from '../../../../store/body-store.ts';
import { type BareFleet, bareFleets } from '../../../support/bare-fleet.ts';
import { onTerminal } from '../../../support/pty.ts';

const open = bareFleets();

interface Dead {
  body?: string;
  id?: string;
  reason?: string;
  exit?: string;
  source?: string;
  attributes?: Record<string, MessageAttributeValue>;
}

/** Sends a message to the dead-letter queue, as an agent does. */
async function deadLetter({ fleet }: BareFleet, dead: Dead = {}): Promise<string> {
  const { body = 'the body', id = 'j-dead', reason = 'exit status 7', exit } = dead;
  const { facts, clients } = fleet.context;
  const end = { jobId: id, reason, source: dead.source ?? facts.queueUrl, ...(exit && { exit }) };
  const { MessageId = '' } = await clients.sqs.send(
    new SendMessageCommand({
      QueueUrl: facts.deadLetterQueueUrl,
      MessageBody: body,
      MessageAttributes: createDeadLetterAttributes({ body, attributes: dead.attributes ?? {} }, end),
    }),
  );
  return MessageId;
}

/** Receives all messages of a queue. */
async function receiveBodies({ fleet }: BareFleet, QueueUrl: string | undefined): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const { Messages = [] } = await fleet.context.clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
    );
    if (Messages.length === 0) return bodies;
    bodies.push(...Messages.map(({ Body = '' }) => Body));
  }
}

const sent = async (bare: BareFleet) =>
  (await receiveBodies(bare, bare.fleet.facts.queueUrl)).map((body) => JSON.parse(body));
const left = (bare: BareFleet) => receiveBodies(bare, bare.fleet.facts.deadLetterQueueUrl);

describe('mayfly dlq list and show', () => {
  it('shows the dead letters with their reasons, and removes none', async () => {
    const bare = await open();
    for (let number = 0; number < 12; number += 1) {
      await deadLetter(bare, { id: `j-${number}`, reason: `exit status ${number}`, exit: `${number}` });
    }
    const { stdout, stderr, exitCode } = await bare.mayfly('dlq', 'list');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout).toMatch(/^id +since +exit +why\n/);
    expect(stdout.split('\n')).toHaveLength(13);
    const json = await bare.mayfly('dlq', 'list', '--json', '--reason', 'STATUS 11');
    expect(JSON.parse(json.stdout)).toEqual([
      {
        id: 'j-11',
        messageId: expect.any(String),
        reason: 'exit status 11',
        exitStatus: 11,
        deadAt: expect.stringMatching(/Z$/),
        source: bare.fleet.facts.queueUrl,
        bodyBytes: 8,
      },
    ]);
    expect(await left(bare)).toHaveLength(12);
  });

  it('distinguishes an exit status from a signal, as status does', async () => {
    const bare = await open();
    await deadLetter(bare, { id: 'j-status', exit: '0' });
    await deadLetter(bare, { id: 'j-signal', exit: 'SIGKILL' });
    await deadLetter(bare, { id: 'j-neither', exit: 'who knows' });
    const { stdout } = await bare.mayfly('dlq', 'list', '--json');
    const ends = JSON.parse(stdout).map(({ id, exitStatus, signal }: Record<string, unknown>) => [
      id,
      exitStatus,
      signal,
    ]);
    expect(new Set(ends)).toEqual(
      new Set([
        ['j-status', 0, undefined],
        ['j-signal', undefined, 'SIGKILL'],
        ['j-neither', undefined, undefined],
      ]),
    );
    expect((await bare.mayfly('dlq', 'list')).stdout).toMatch(/^j-signal +\S+ +SIGKILL +exit status 7$/m);
    const { stdout: shown } = await bare.mayfly('dlq', 'show', 'j-status');
    expect(shown).toMatch(/^ {2}exit +0$/m);
    expect(shown).toMatch(/^ {2}since +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, \S+ s ago$/m);
    expect(JSON.parse((await bare.mayfly('dlq', 'show', '--json', 'j-signal')).stdout)).toMatchObject({
      signal: 'SIGKILL',
    });
  });

  it('prints lines that fit a terminal, and escapes the body there', async () => {
    const bare = await open();
    // The body is in an envelope, because SQS does not accept these characters.
    const body = JSON.stringify({ mayfly: 1, payload: 'a\x1b]0;owned\x07' });
    await deadLetter(bare, { id: 'j-narrow', body, reason: `exit status 7, ${'as it is said '.repeat(6)}` });
    const screen = async (flag: string) => {
      const line = `${process.execPath} ${import.meta.dirname}/../../../../bin/mayfly.js dlq show ${flag} j-narrow`;
      const pty = onTerminal(line, { cwd: bare.directory, env: bare.env, columns: 60 });
      expect(await pty.ended()).toBe(0);
      return pty.screen().split('\r\n');
    };
    const [id, why, more] = await screen('');
    expect(id).toBe('j-narrow');
    expect(why).toMatch(/^ {2}why {6}exit status 7, .{10,45}$/);
    expect(more).toMatch(/^ {11}\w/);
    expect(await screen('--body')).toEqual(['a\\x1b]0;owned\\x07']);
  });

  it('counts those beyond the limit, and says when there are none', async () => {
    const bare = await open();
    const none = await bare.mayfly('dlq', 'list');
    expect(none).toMatchObject({ stdout: '', stderr: 'mayfly: no such dead letters.', exitCode: 0 });
    for (let number = 0; number < 5; number += 1) await deadLetter(bare, { id: `j-${number}` });
    const { deadLetters, remaining } = await bare.fleet.deadLetters.list({ limit: 3 });
    expect([deadLetters.length, remaining]).toEqual([3, 2]);
  });

  it('escapes what a producer wrote', async () => {
    const bare = await open();
    const messageId = await deadLetter(bare, {
      id: 'j-evil',
      body: 'a\u009b]0;x\u009b\nb',
    });
    await bare.record({ id: 'j-evil', state: 'failed', reason: 'exit status 7' });
    const { stdout } = await bare.mayfly('dlq', 'show', 'j-evil');
    expect(stdout).toContain('a\\x9b]0;x\\x9b\n    b');
    expect(stdout).toContain(messageId);
    expect(stdout).toContain('record   failed, 0 tries');
    const { stdout: json } = await bare.mayfly('dlq', 'show', '--json', 'j-evil');
    expect(json).not.toContain('\u009b');
    expect(JSON.parse(json)).toMatchObject({
      id: 'j-evil',
      messageId,
      reason: 'exit status 7',
      body: 'a\u009b]0;x\u009b\nb',
      record: { id: 'j-evil', state: 'failed' },
    });
    const { stdout: body } = await bare.mayfly('dlq', 'show', '--body', messageId);
    expect(body).toBe('a\u009b]0;x\u009b\nb');
  });

  it('shows a body from the bucket, and says when the object is gone or has another digest', async () => {
    const bare = await open();
    const body = JSON.stringify({ mayfly: 1, id: 'j-big', bodyKey: bodyKey('j-big') });
    await deadLetter(bare, { id: 'j-big', body });
    const { deadLetters } = bare.fleet;
    expect(await deadLetters.show('j-big')).toMatchObject({
      body: '',
      problem: expect.stringContaining('the body of job j-big is not there'),
    });
    await bare.object(bodyKey('j-big'), 'all of it');
    expect(await deadLetters.show('j-big')).toMatchObject({ body: 'all of it', bodyKey: bodyKey('j-big') });
    await bare.record({ id: 'j-big', state: 'failed', bodyDigest: digestBody('its own') });
    expect(await deadLetters.show('j-big')).toMatchObject({
      body: '',
      problem: expect.stringContaining('the body of job j-big is not the one that it was enqueued with'),
    });
  });

  it('shows a message that SQS moved itself, and one that is not a job', async () => {
    const bare = await open();
    const { sqs } = bare.fleet.context.clients;
    const { deadLetterQueueUrl: QueueUrl } = bare.fleet.facts;
    const plain = await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'plain' }));
    await deadLetter(bare, { id: 'j-broken', body: '{"mayfly":1,"id":"j-broken","lane":1}' });
    const { deadLetters } = bare.fleet;
    const moved = await deadLetters.show(`m-${plain.MessageId}`);
    expect(moved).toMatchObject({ messageId: plain.MessageId, body: 'plain' });
    expect(moved).not.toHaveProperty('reason');
    expect(await deadLetters.show('j-broken')).toMatchObject({
      problem: "the envelope's key lane is not known",
    });
  });
});

describe('mayfly dlq redrive', () => {
  it('enqueues new jobs that name the old ones, names the queue, and leaves the rest', async () => {
    const bare = await open();
    await deadLetter(bare, { id: 'j-text', body: 'a text' });
    const envelope = {
      mayfly: 1,
      id: 'j-env',
      payload: { n: 1 },
      limitSeconds: 9,
      group: 'f/g',
      requestId: 'r',
    };
    await deadLetter(bare, { id: 'j-env', body: JSON.stringify(envelope) });
    await deadLetter(bare, { id: 'j-other', reason: 'ran out of memory' });
    await bare.record({ id: 'j-env', state: 'failed', label: 'nightly' });
    const { stdout, stderr, exitCode } = await bare.mayfly('dlq', 'redrive', '--reason', 'exit status');
    expect(exitCode).toBe(0);
    expect(stderr).toBe(
      `mayfly: the new jobs go to the queue ${bare.fleet.facts.queueUrl}.\nmayfly: 2 jobs redriven.`,
    );
    const ids = new Map(stdout.split('\n').map((line) => line.split(' ') as [string, string]));
    expect([...ids.keys()].sort()).toEqual(['j-env', 'j-text']);
    const messages = await sent(bare);
    expect(messages).toContainEqual({ mayfly: 1, id: ids.get('j-text'), payload: 'a text' });
    expect(messages).toContainEqual({ ...envelope, id: ids.get('j-env'), payload: '{"n":1}' });
    const [text, env, old] = await bare.fleet.status([
      ids.get('j-text') ?? '',
      ids.get('j-env') ?? '',
      'j-env',
    ]);
    expect(text).toMatchObject({ state: 'queued', retryOf: 'j-text' });
    expect(env).toMatchObject({
      state: 'queued',
      retryOf: 'j-env',
      limitSeconds: 9,
      label: 'nightly',
      requestId: 'r',
    });
    expect(old).toMatchObject({ state: 'failed', retriedAs: ids.get('j-env') });
    expect(await left(bare)).toHaveLength(1);
  });

  it("keeps the producers' message attributes, and removes those of the dead letter", async () => {
    const bare = await open();
    const { facts, clients } = bare.fleet.context;
    const attributes = {
      colour: { DataType: 'String', StringValue: 'blue' },
      bytes: { DataType: 'Binary', BinaryValue: Uint8Array.from([0, 255]) },
    };
    await deadLetter(bare, { id: 'j-attributes', attributes });
    await bare.fleet.deadLetters.redrive({ all: true });
    const { Messages = [] } = await clients.sqs.send(
      new ReceiveMessageCommand({ QueueUrl: facts.queueUrl, MessageAttributeNames: ['All'] }),
    );
    const [{ MessageAttributes: { MayflyNonce: _, ...rest } = {} } = {}] = Messages;
    expect(rest).toEqual(attributes);
  });

  it('refuses one with ten attributes, because the nonce is an eleventh, and says what to do', async () => {
    const bare = await open();
    const names = Array.from({ length: 10 }, (_, index) => `a${index}`);
    const attributes = Object.fromEntries(
      names.map((name) => [name, { DataType: 'String', StringValue: 'v' }]),
    );
    await deadLetter(bare, { id: 'j-ten', attributes });
    const { outcomes } = await bare.fleet.deadLetters.redrive({ all: true });
    expect(outcomes).toMatchObject([
      { outcome: 'refused', why: expect.stringMatching(/start-message-move-task/) },
    ]);
    expect(await left(bare)).toHaveLength(1);
  });

  it('does not redrive its own new jobs when they fail meanwhile', async () => {
    const bare = await open();
    for (const id of ['j-1', 'j-2']) await deadLetter(bare, { id });
    const failing: Promise<unknown>[] = [];
    const { outcomes } = await bare.fleet.deadLetters.redrive({
      all: true,
      // The new job fails before the redrive is done.
      onRedrive(one) {
        if (one.outcome === 'redriven' && failing.length < 6)
          failing.push(deadLetter(bare, { id: one.newId }));
      },
    });
    await Promise.all(failing);
    expect(outcomes.map(({ id }) => id).toSorted()).toEqual(['j-1', 'j-2']);
    expect(await left(bare)).toHaveLength(2);
  });

  it('makes no second job when it fails between enqueueing and deleting, and runs again', async () => {
    const bare = await open();
    for (const id of ['j-1', 'j-2', 'j-3']) {
      await deadLetter(bare, { id, body: id });
      await bare.record({ id, state: 'failed' });
    }
    const fault = bare.cloud.faults.add({
      action: 'DeleteMessageBatch',
      effect: { kind: 'error', code: 'AccessDenied', status: 403 },
    });
    const { deadLetters } = bare.fleet;
    await expect(deadLetters.redrive({ all: true })).rejects.toThrow(
      'AWS does not let these credentials use',
    );
    fault.remove();
    const first = await sent(bare);
    const { outcomes } = await deadLetters.redrive({ all: true });
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['redriven', 'redriven', 'redriven']);
    const again = await sent(bare);
    // A message may come twice. It has the same id, so it is one job.
    const ids = (messages: { id: string }[]) => [...new Set(messages.map(({ id }) => id))].sort();
    expect(ids([...first, ...again])).toEqual(ids(first));
    expect(first).toHaveLength(3);
    expect(await left(bare)).toEqual([]);
  });

  it('returns what it has not redriven when it is stopped, and continues when it runs again', async () => {
    const bare = await open();
    for (let number = 0; number < 25; number += 1) await deadLetter(bare, { id: `j-s${number}` });
    const { deadLetters } = bare.fleet;
    const stop = new AbortController();
    const onRedrive = () => stop.abort(new Error('enough'));
    await expect(deadLetters.redrive({ all: true, onRedrive, signal: stop.signal })).rejects.toThrow(
      'enough',
    );
    const first = (await sent(bare)).length;
    expect(first).toBeGreaterThan(0);
    const { outcomes } = await deadLetters.redrive({ all: true });
    expect(first + outcomes.length).toBe(25);
    expect(await left(bare)).toEqual([]);
  });

  it('continues when the reader of its stderr is gone', async () => {
    const bare = await open();
    await deadLetter(bare, { id: 'j-unread' });
    const args = [`${import.meta.dirname}/../../../../bin/mayfly.js`, 'dlq', 'redrive', '--all'];
    const child = spawn(process.execPath, args, { env: bare.env, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.destroy();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await sent(bare)).toHaveLength(1);
  });

  it('makes one job of several dead letters of a job', async () => {
    const bare = await open();
    for (let copy = 0; copy < 3; copy += 1) await deadLetter(bare, { id: 'j-same' });
    const { outcomes } = await bare.fleet.deadLetters.redrive({ all: true });
    expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(['copy', 'copy', 'redriven']);
    expect(await sent(bare)).toHaveLength(1);
    expect(await left(bare)).toEqual([]);
  });

  it('redrives a letter from another queue only with --to, and names that queue', async () => {
    const bare = await open();
    await deadLetter(bare, {
      id: 'j-foreign',
      source: 'https://sqs.us-east-1.amazonaws.com/111122223333/other',
    });
    const refused = await bare.mayfly('dlq', 'redrive', 'j-foreign');
    expect(refused).toMatchObject({ stdout: '', exitCode: 1 });
    expect(refused.stderr).toContain(
      'j-foreign stays: it came from another queue, https://sqs.us-east-1.amazonaws.com/111122223333/other. Use --to',
    );
    const wrong = await bare.mayfly('dlq', 'redrive', 'j-foreign', '--to', 'other');
    expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('not to other') });
    const name = bare.fleet.facts.queueUrl.split('/').at(-1) ?? '';
    const { stdout } = await bare.mayfly('dlq', 'redrive', 'j-foreign', '--to', name, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      id: 'j-foreign',
      outcome: 'redriven',
      newId: expect.any(String),
    });
    expect(await sent(bare)).toHaveLength(1);
  });

  it('skips a job that was retried already, unless it is named, and a message that cannot be a job', async () => {
    const bare = await open();
    await deadLetter(bare, { id: 'j-again' });
    await bare.record({ id: 'j-again', state: 'failed', retriedAs: 'j-new' });
    await deadLetter(bare, { id: 'j-broken', body: '{"mayfly":1,"id":"j-broken","lane":1}' });
    await deadLetter(bare, {
      id: 'j-long',
      body: JSON.stringify({ mayfly: 1, payload: '', limitSeconds: 43_200 }),
    });
    const all = await bare.mayfly('dlq', 'redrive', '--all');
    expect(all).toMatchObject({ stdout: '', exitCode: 1 });
    expect(all.stderr).toContain('j-again stays: it was retried already, as j-new');
    expect(all.stderr).toContain("j-broken stays: the envelope's key lane is not known");
    expect(all.stderr).toContain("j-long stays: The job's time limit is 43200 s");
    expect(all.stderr).toContain('0 jobs redriven, 3 stay.');
    const { outcomes, missing } = await bare.fleet.deadLetters.redrive({ ids: ['j-again', 'j-none'] });
    expect(outcomes).toMatchObject([{ id: 'j-again', outcome: 'redriven' }]);
    expect(missing).toEqual(['j-none']);
    expect(await left(bare)).toHaveLength(2);
  });

  it('copies a long body to the new job', async () => {
    const bare = await open();
    const body = JSON.stringify({ mayfly: 1, id: 'j-longer', bodyKey: bodyKey('j-longer') });
    await deadLetter(bare, { id: 'j-longer', body });
    const refused = await bare.fleet.deadLetters.redrive({ all: true });
    expect(refused.outcomes).toMatchObject([
      { outcome: 'refused', why: expect.stringContaining('is not there') },
    ]);
    await bare.object(bodyKey('j-longer'), 'x'.repeat(1_100_000));
    const { outcomes } = await bare.fleet.deadLetters.redrive({ all: true });
    const [one] = outcomes;
    if (one?.outcome !== 'redriven') throw new Error(`it is ${one?.outcome}`);
    expect(await sent(bare)).toEqual([{ mayfly: 1, id: one.newId, bodyKey: bodyKey(one.newId) }]);
  });

  it('redrives more than SQS gives in one receive', async () => {
    const bare = await open();
    const count = 130;
    await Promise.all(Array.from({ length: count }, (_, number) => deadLetter(bare, { id: `j-m${number}` })));
    const reported: string[] = [];
    const { outcomes } = await bare.fleet.deadLetters.redrive({
      all: true,
      onRedrive: ({ id }) => reported.push(id),
    });
    expect(new Set(outcomes.map(({ id }) => id)).size).toBe(count);
    expect(reported).toHaveLength(count);
    expect(await sent(bare)).toHaveLength(count);
    expect(await left(bare)).toEqual([]);
  });
});

describe('mayfly dlq purge', () => {
  it('deletes those that are named', async () => {
    const bare = await open();
    for (const id of ['j-1', 'j-2', 'j-3']) await deadLetter(bare, { id, body: id });
    expect(await bare.mayfly('dlq', 'purge', '--yes', 'j-1', 'j-9')).toMatchObject({
      stderr:
        'mayfly: j-9 was not found: there is no such dead letter, or somebody else is looking at it now.\n' +
        'mayfly: deleted 1 dead letter.',
      exitCode: 1,
    });
    expect((await left(bare)).sort()).toEqual(['j-2', 'j-3']);
  });

  it('asks on a terminal, and requires --yes elsewhere', async () => {
    const bare = await open();
    await deadLetter(bare);
    await deadLetter(bare, { id: 'j-memory', reason: 'ran out of memory' });
    expect(await bare.mayfly('dlq', 'purge', '--all')).toMatchObject({
      stderr: 'mayfly: There is no terminal to ask on. Use --yes to delete without asking.',
      exitCode: 2,
    });
    const command = `${process.execPath} ${import.meta.dirname}/../../../../bin/mayfly.js dlq purge`;
    const asked = (which = '--all') =>
      onTerminal(`${command} ${which}`, { cwd: bare.directory, env: bare.env, columns: 120 });
    const some = asked('--reason memory');
    await some.shows('Delete 1 dead letter of fleet group whose reason contains "memory"? [y/N]');
    some.type('y\r');
    await some.shows('deleted 1 dead letter.');
    expect(await some.ended()).toBe(0);
    const question = 'Delete all of about 1 dead letter of fleet group? [y/N]';
    const no = asked();
    await no.shows(question);
    no.type('\r');
    await no.shows('Nothing was deleted.');
    expect(await no.ended()).toBe(1);
    const yes = asked();
    await yes.shows(question);
    yes.type('y\r');
    await yes.shows('deleted about 1 dead letter.');
    expect(await yes.ended()).toBe(0);
    expect(await left(bare)).toEqual([]);
  });

  it.each([
    ['Ctrl-C', '\x03', 130],
    ['the end of the input', '\x04', 1],
  ])('%s instead of an answer deletes nothing, and says so', async (_what, key, status) => {
    const bare = await open();
    await deadLetter(bare, { body: 'stays' });
    const bin = `${import.meta.dirname}/../../../../bin/mayfly.js`;
    const asked = onTerminal(`${process.execPath} ${bin} dlq purge --all`, {
      cwd: bare.directory,
      env: bare.env,
      columns: 50,
    });
    await asked.shows('[y/N]');
    asked.type(key);
    expect(await asked.ended()).toBe(status);
    const lines = stripVTControlCharacters(asked.screen()).split(/[\r\n]+/);
    expect(lines.filter(Boolean)).toEqual([
      expect.stringMatching(/^Delete all of about 1 dead letter of fleet/),
      expect.stringMatching(/^ {2}group\? \[y\/N\]/),
      'mayfly: Nothing was deleted.',
    ]);
    expect(await left(bare)).toEqual(['stays']);
  });

  it('deletes those with a reason, and leaves the others', async () => {
    const bare = await open();
    await deadLetter(bare, { id: 'j-1', body: 'j-1', reason: 'Ran out of memory' });
    await deadLetter(bare, { id: 'j-2', body: 'j-2' });
    expect(await bare.mayfly('dlq', 'purge', '--yes', '--reason', 'out of memory', '--json')).toMatchObject({
      stdout: JSON.stringify({ count: 1, ids: ['j-1'], missing: [], remaining: 0 }, undefined, 2),
      stderr: 'mayfly: deleted 1 dead letter.',
      exitCode: 0,
    });
    expect(await left(bare)).toEqual(['j-2']);
  });

  it('can purge all once a minute', async () => {
    const bare = await open();
    await bare.fleet.deadLetters.purge({ all: true });
    await expect(bare.fleet.deadLetters.purge({ all: true })).rejects.toThrow(
      'purged less than a minute ago',
    );
  });
});

describe('redrive and purge have the same options', () => {
  const verbs = [['redrive'], ['purge', '--yes']];

  it.each(verbs)('%s --dry-run prints the ids, and changes nothing', async (...verb) => {
    const bare = await open();
    await deadLetter(bare, { id: 'j-dry1', body: 'j-dry1' });
    await deadLetter(bare, { id: 'j-dry2', body: 'j-dry2', reason: 'ran out of memory' });
    await bare.record({ id: 'j-dry1', state: 'failed' });
    const actions: string[] = [];
    const unlisten = bare.cloud.onCall(({ action, caller }) => {
      if (caller !== 'cloud') actions.push(action);
    });
    const dry = (...args: string[]) => bare.mayfly('dlq', ...verb, '--dry-run', ...args);
    const [all, some, named] = [
      await dry('--all'),
      await dry('--reason', 'MEMORY'),
      await dry('j-dry1', 'j-9'),
    ];
    unlisten();
    const ids = ({ stdout }: { stdout: string }) => stdout.split('\n').map((line) => line.split(' ')[0]);
    expect([ids(all).sort(), ids(some), ids(named)]).toEqual([['j-dry1', 'j-dry2'], ['j-dry2'], ['j-dry1']]);
    expect([all.exitCode, some.exitCode, named.exitCode]).toEqual([0, 0, 1]);
    expect(all.stderr).toMatch(/^mayfly: 2 \S+(?: \S+)? would be \w+; nothing was/m);
    expect(named.stderr).toContain('j-9 was not found');
    const reads = /^(Receive|GetQueueAttributes|ChangeMessageVisibility|BatchGet|Get)/;
    expect(actions.filter((action) => !reads.test(action))).toEqual([]);
    expect((await left(bare)).sort()).toEqual(['j-dry1', 'j-dry2']);
    expect(await sent(bare)).toEqual([]);
    expect(await bare.fleet.status('j-dry1')).not.toHaveProperty('retriedAs');
  });

  it.each(verbs)('%s says that it skipped what somebody else has received', async (...verb) => {
    const bare = await open();
    await deadLetter(bare, { id: 'j-held', body: 'j-held' });
    const { facts, clients } = bare.fleet.context;
    const QueueUrl = facts.deadLetterQueueUrl;
    await clients.sqs.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 600 }));
    await deadLetter(bare, { id: 'j-free', body: 'j-free' });
    const { stderr, exitCode } = await bare.mayfly('dlq', ...verb, '--reason', 'status 7');
    expect(stderr).toContain(
      '\nmayfly: about 1 more dead letter was skipped, because somebody else is looking at the queue: run it',
    );
    expect(exitCode).toBe(0);
    const none = await bare.mayfly('dlq', ...verb, '--all', '--dry-run');
    expect(none.stdout).toBe('');
    expect(none.stderr).toContain('about 1 more dead letter was skipped');
  });

  it('redrive --dry-run prints the ids that the new jobs get', async () => {
    const bare = await open();
    await deadLetter(bare, { id: 'j-dry1' });
    const dry = await bare.mayfly('dlq', 'redrive', '--all', '--dry-run');
    expect((await bare.mayfly('dlq', 'redrive', '--all')).stdout).toBe(dry.stdout);
  });

  it.each(verbs)('%s refuses a command line without a choice, or with two', async (...verb) => {
    const { mayfly } = await open();
    const refused = async (...args: string[]) => {
      const { exitCode, stderr } = await mayfly('dlq', ...verb, ...args);
      expect(exitCode).toBe(2);
      return stderr;
    };
    expect(await refused()).toContain(
      'No dead letters are selected. Name their ids, or a reason (--reason), or all (--all).',
    );
    expect(await refused('--all', 'j-dry1')).toContain(
      'by ids, or by a reason (--reason), or all (--all): not by two of these',
    );
    expect(await refused('--all', '--reason', 'x')).toContain(
      'by a reason (--reason), or all (--all): not by both',
    );
  });
});

describe('what fails is explained', () => {
  it.each([
    [['dlq', 'show', 'j-none'], 1, 'There is no dead letter of j-none in fleet group.'],
    [['dlq', 'list', '--dead-letter-queue-url', 'http://localhost/000000000000/none'], 1, 'is gone'],
  ])('%j', async (args, exitCode, sentence) => {
    const { mayfly } = await open();
    expect(await mayfly(...args)).toMatchObject({ exitCode, stderr: expect.stringContaining(sentence) });
  });

  it('a dead-letter queue whose URL is unknown', async () => {
    const { fleet } = await open();
    const { deadLetterQueueUrl: _, ...facts } = fleet.facts;
    Object.assign(fleet.context, { facts });
    await expect(fleet.deadLetters.list()).rejects.toThrow(
      '(--dead-letter-queue-url, MAYFLY_DEAD_LETTER_QUEUE_URL)',
    );
  });
});
