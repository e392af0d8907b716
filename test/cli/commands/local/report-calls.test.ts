import { describe, expect, test } from 'vitest';
import { createCallReporter } from '../../../../cli/commands/local/report-calls.ts';
import type { Screen } from '../../../../cli/terminal/screen.ts';
import type { CallRecord } from '../../../../local/front-door/call-log.ts';

const call = (service: string, action: string, rest: Partial<CallRecord> = {}): CallRecord => ({
  atMs: Date.UTC(2026, 0, 1, 12, 30),
  region: 'us-east-1',
  service,
  action,
  caller: 'owner',
  input: {},
  status: 200,
  durationMs: 1,
  ...rest,
});

/** A screen that records what is written. */
function recordingScreen(isTTY: boolean): Screen & { text: string } {
  const screen = {
    text: '',
    isTTY,
    columns: 60,
    write(part: string) {
      screen.text += part;
    },
  };
  return screen;
}

describe('off a terminal', () => {
  test.each([
    ['prints a call that creates something', call('cloudformation', 'CreateStack'), true],
    ['prints what the stack creates', call('sqs', 'CreateQueue', { caller: 'cloud' }), true],
    ['prints a termination', call('autoscaling', 'TerminateInstanceInAutoScalingGroup'), true],
    ['does not print a call that only reads', call('cloudformation', 'DescribeStackEvents'), false],
    ['does not print the frequent calls of jobs', call('sqs', 'ReceiveMessage'), false],
    [
      'prints a refused call of a job',
      call('sqs', 'SendMessage', { status: 403, error: 'AccessDenied' }),
      true,
    ],
    [
      'prints a call of a job that a fault affected',
      call('sqs', 'SendMessage', { fault: 'reset-after' }),
      true,
    ],
  ])('%s', (_, record, shown) => {
    const screen = recordingScreen(false);
    createCallReporter(screen, 'text').call(record);
    expect(screen.text).toMatch(shown ? /^12:30:00 {2}\S+ \S+ {2}by \S+ .*\n$/ : /^$/);
  });
});

describe('on a terminal', () => {
  test('one line shows the last call, no wider than the screen', () => {
    const screen = recordingScreen(true);
    const reporter = createCallReporter(screen, 'text');
    reporter.call(call('sqs', 'ReceiveMessage'));
    reporter.call(
      call('sqs', 'ChangeMessageVisibilityBatch', { caller: 'a-role-of-a-long-name/i-0123456789abcdef0' }),
    );
    expect(screen.text).not.toContain('\n');
    const last = screen.text.split('\r\u001b[2K').at(-1) ?? '';
    expect(last).toContain('2 calls');
    expect(last.length).toBeLessThan(60);
  });
});

test.each(['text', 'json'] as const)('the name of an action is escaped: %s', (form) => {
  const screen = recordingScreen(false);
  const record = call('ec2', 'Run\u001b]0;title\u0007\u009b2J\nInstances', { error: 'InvalidAction' });
  createCallReporter(screen, form).call(record);
  expect(screen.text.trimEnd().split('\n')).toEqual([expect.not.stringMatching(/\p{Cc}/u)]);
});

test('JSON has a line for every call', () => {
  const screen = recordingScreen(true);
  const reporter = createCallReporter(screen, 'json');
  reporter.ready({
    endpoint: 'http://127.0.0.1:1',
    region: 'us-east-1',
    accountId: '000000000000',
    owner: { accessKeyId: 'local', secretAccessKey: 'drawn' },
    logFile: 'l',
  });
  reporter.call(call('sqs', 'ReceiveMessage'));
  const events = screen.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string });
  expect(events.map(({ event }) => event)).toEqual(['ready', 'call']);
  expect(events[0]).toMatchObject({
    environment: { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_SECRET_ACCESS_KEY: 'drawn' },
  });
});
