import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMemberTexts } from '../../jobs/json-text.ts';
import { type Job, readJob } from '../../jobs/message.ts';
import { blanks, json, number, object, text } from '../support/json-texts.ts';

const RULES = { maxLimitSeconds: 43_190, tracked: true };

function jobOf(body: string): Job {
  const reading = readJob('5f1c6a1e-0000-4000-8000-000000000001', body, RULES);
  if (reading.kind === 'broken') throw new Error(reading.reason);
  return reading.job;
}

const notification = (message: string) => JSON.stringify({ Type: 'Notification', Message: message });

describe('the worker reads what the producer sent', () => {
  test('a JSON body, unchanged', () => {
    fc.assert(
      fc.property(json, (body) => {
        fc.pre(!body.includes('"mayfly"'));
        expect(jobOf(body).stdin).toBe(body);
        expect(jobOf(notification(body)).stdin).toBe(body);
      }),
    );
  });

  test("an envelope's payload that is not a text, unchanged, wherever it is", () => {
    fc.assert(
      fc.property(json, blanks, blanks, fc.boolean(), (payload, before, after, last) => {
        fc.pre(!payload.startsWith('"'));
        const member = `"payload":${before}${payload}${after}`;
        const envelope = last ? `{"mayfly":1,${member}}` : `{ ${member},"id":"j", "mayfly" : 1}`;
        expect(jobOf(envelope).stdin).toBe(payload);
        expect(jobOf(notification(envelope)).stdin).toBe(payload);
      }),
    );
  });

  test("an envelope's payload that is a text, as that text", () => {
    fc.assert(
      fc.property(text, (payload) => {
        expect(jobOf(`{"mayfly":1,"payload":${payload}}`).stdin).toBe(JSON.parse(payload));
      }),
    );
  });

  test('a number as job_id, as it is written', () => {
    fc.assert(
      fc.property(number, blanks, object, (id, blank, other) => {
        const body = `{"before":${other},"job_id":${blank}${id}${blank},"after":${other}}`;
        const argument = id.startsWith('-') ? undefined : id;
        expect(jobOf(body).argument).toBe(argument);
        expect(jobOf(`{"mayfly":1,"payload":${body}}`)).toMatchObject({ stdin: body });
        expect(jobOf(`{"mayfly":1,"payload":${body}}`).argument).toBe(argument);
        expect(jobOf(JSON.stringify({ mayfly: 1, payload: body })).argument).toBe(argument);
      }),
    );
  });

  test.each([
    ['{"job_id": 9007199254740993}', '9007199254740993'],
    ['{"job_id": 1.0}', '1.0'],
    ['{"job_id": 1e400}', '1e400'],
    ['{"job_id": 1, "a": {"job_id": 2}}', '1'],
    ['{"a": [{"job_id": 2}], "job_id": 10000000000000000000000}', '10000000000000000000000'],
    ['{"job_id": 1, "job\\u005fid": 20000000000000001}', '20000000000000001'],
    ['{"mayfly":1,"payload":{"job_id": 9007199254740993}}', '9007199254740993'],
  ])('%s', (body, argument) => {
    expect(jobOf(body).argument).toBe(argument);
  });

  test('an object whose keys are numbers, are repeated or are on several lines', () => {
    const payload = '{ "2": 1.50,\n "1": "\\u00e4", "2": 12345678901234567890 }';
    expect(jobOf(`{"mayfly":1,"payload":${payload}}`).stdin).toBe(payload);
  });

  test('lists as deeply nested as JSON can be parsed', () => {
    const payload = `${'['.repeat(300_000)}${']'.repeat(300_000)}`;
    expect(jobOf(`{"mayfly":1,"payload":${payload}}`).stdin).toBe(payload);
  });
});

describe('half of a character has no UTF-8 and is never replaced', () => {
  test('an envelope with one in its payload is refused', () => {
    const reading = readJob('1', '{"mayfly":1,"id":"j","payload":"ab\\ud83d"}', RULES);
    const reason = "the envelope's payload has half of a character at position 2: no UTF-8 text has that";
    expect(reading).toEqual({ kind: 'broken', id: 'j', reason });
  });

  test('a notification with one in its message is not unwrapped: the worker reads all of it', () => {
    const body = '{"Type":"Notification","Message":"ab\\ud83d"}';
    expect(jobOf(body)).toMatchObject({ stdin: body });
  });

  test('a job_id with one is not an argument', () => {
    expect(jobOf('{"job_id":"ab\\ud83d"}').argument).toBeUndefined();
  });

  test('in a JSON payload it stays an escape', () => {
    expect(jobOf('{"mayfly":1,"payload":["\\ud83d"]}').stdin).toBe('["\\ud83d"]');
  });
});

test('the members of any object are found', () => {
  fc.assert(
    fc.property(object, (written) => {
      // V8's JSON.parse takes an escaped name for a name of an earlier object that has the same characters.
      fc.pre(!written.includes('\\\\'));
      const value = JSON.parse(written) as Record<string, unknown>;
      const members = readMemberTexts(written);
      expect([...members.keys()].toSorted()).toEqual(Object.keys(value).toSorted());
      for (const [key, member] of members) {
        expect(member).toBe(member.trim());
        expect(JSON.parse(member)).toEqual(value[key]);
      }
    }),
  );
});
