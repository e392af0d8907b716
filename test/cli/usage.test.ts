import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { type Command, CommanderError } from 'commander';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { bareFleets } from '../support/bare-fleet.ts';
import { onTerminal } from '../support/pty.ts';

const BIN = resolve(import.meta.dirname, '../../bin/mayfly.js');

const open = bareFleets();

/** Runs in this process: what is refused before the client library is loaded. */
describe('wrong usage', () => {
  let stderr: MockInstance;
  beforeEach(() => {
    stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  });
  afterEach(() => stderr.mockRestore());

  it.each([
    [['enqueue'], 'Give exactly one of these'],
    [
      ['enqueue', 'x', '--file', 'f'],
      'Give exactly one of these: a body, --file <file>, or - for standard input.',
    ],
    [['enqueue', 'x', '--whole'], '--whole needs'],
    [['enqueue', 'x', '--json-lines'], '--json-lines needs many'],
    [['enqueue', 'x', '--journal', 'f'], '--journal needs many'],
    [['enqueue', '-', '--dedupe', 'k'], '--dedupe is the key of one job'],
    [['enqueue', '-', '--whole', '--json-lines'], 'cannot be used with'],
    [['enqueue', '--async', '0', 'x'], "'0' is invalid. Allowed is a number of seconds from 1."],
    [['enqueue', '--delay', '901', 'x'], 'from 0 to 900'],
    [['enqueue', '--delay', '1e2', 'x'], 'Allowed is a whole number'],
    [['enqueue', '--asinc', '5', 'x'], 'Did you mean --async?'],
    [['enque', 'x'], "unknown verb 'enque'\n(Did you mean enqueue?)"],
    [['dlq', 'lst'], "unknown verb 'lst'\n(Did you mean list?)"],
    [['help', 'nope'], "unknown verb 'nope'\nTry --help."],
    [['help', 'enque'], "unknown verb 'enque'\n(Did you mean enqueue?)"],
    [['help', 'dlq', 'lst'], "unknown verb 'lst'\n(Did you mean list?)"],
    [['dlq', 'help', 'lst'], "unknown verb 'lst'\n(Did you mean list?)"],
    [['list', '--state', 'run'], 'Allowed are held, queued, running'],
    [['list', '--since', '2'], 'Allowed is a time such as 90s, 30m, 2h or 7d, at most 36500d.'],
    [
      ['cleanup', '--ended-before', '36501d'],
      'Allowed is a time such as 90s, 30m, 2h or 7d, at most 36500d.',
    ],
    [['enqueue', 'x', '--group'], "option '--group <name>' argument missing"],
    [['list', '--limit', '0'], 'Allowed is a whole number from 1.'],
    [['wait', 'j-1', '--timeout', '5', '--retries', '2'], 'cannot be used with'],
    [['wait', 'j-1', '--delay', '5'], '--delay needs --retries <number>'],
    [['wait', 'j-1', '--timeout', '-5'], 'Allowed is a number of seconds from 0.'],
    [['cleanup'], 'Give exactly one of these'],
    [['cleanup', 'j-1', '--ended-before', '7d'], 'Give exactly one of these: ids of jobs, or --ended-before'],
    [['cleanup', '--ended-before', '7d', '--force'], '--force needs ids of jobs'],
    [['cleanup', 'j-1', '--yes'], '--yes needs --ended-before'],
    [['status'], "missing required argument 'ids'"],
    [['status', 'j-1', '--json', '--ansible'], 'cannot be used with'],
    [['status', 'j-1', '--max-output', '3'], '--max-output needs --ansible.'],
    [['status', 'j-1', '--ansible', '--max-output', '33554433'], 'from 0 to 33554432'],
    [['status', 'j-1', ''], "'' is invalid for argument 'ids'. An id is never empty: is a variable not set?"],
    [['wait', ''], 'An id is never empty'],
    [['cancel', ''], 'An id is never empty'],
    [['retry', ' '], 'An id is never empty'],
    [['cleanup', ''], 'An id is never empty'],
    [['logs', ''], 'An id is never empty'],
    [['dlq', 'show', ''], 'An id is never empty'],
    [['dlq', 'redrive', ''], 'An id is never empty'],
    [['dlq', 'purge', '--yes', ''], 'An id is never empty'],
    [['dlq', 'purge', '--all', '--yes', '--stack', ''], '--stack is empty: is a variable not set?'],
    [['--log-bucket=', 'cleanup', 'j-1'], '--log-bucket is empty: is a variable not set?'],
    [['fleet', 'drain'], 'drain needs the id of an instance.'],
    [['fleet', 'pause', 'i-1'], 'pause applies to the whole fleet: it takes no instance.'],
    [['fleet', '--wait'], '--wait needs drain <instance>.'],
    [['fleet', 'drain', 'i-1', '--timeout', '5'], '--timeout needs drain <instance> --wait.'],
    [
      ['fleet', 'pause', '--watch'],
      'pause does not take --watch or --retired: they are for showing the fleet.',
    ],
    [['fleet', '--watch', '0'], 'Allowed is a whole number from 1 to 3600.'],
    [['fleet', '--watch'], '--watch needs a terminal, or --json.'],
    [['request', 'run'], 'Give exactly one of these: --targets <file>, --targets - for standard input, or'],
    [['request', 'run', '--targets', 'f', '--inventory', 'i'], 'Give exactly one of these: --targets <file>'],
    [['request', 'run', '--targets', 'f', '--limit', 'web'], '--limit needs --inventory.'],
    [
      ['request', 'run', '--targets', 'f', '--group', 'g', '--group-by', 'v'],
      'Give --group or --group-by, not both.',
    ],
    [
      ['request', 'run', '--inventory', 'i', '--size', '5'],
      '--size needs --targets: an inventory has all servers of a group.',
    ],
    [['request', 'run', '--targets', 'f', '--settle', '5'], '--settle needs --healthy'],
    [['request', 'run', '--targets', 'f', '--check-limit', '5'], '--check-limit needs --healthy'],
    [['request', 'run', '--targets', 'f', '--settle', '901'], 'Allowed is a whole number from 0 to 900.'],
    [
      ['request', 'run', '--targets', 'f', '--serial', '1,x'],
      "'1,x' is invalid. Serial has 'x': allowed is a whole number (0 or less: all that are left) or a whole percentage",
    ],
    [
      ['request', 'run', '--targets', 'f', '--max-fail', '-1'],
      "'-1' is invalid. Allowed is a whole number or a whole percentage of at least 0, such as 2 or 30%.",
    ],
    [['request', 'run', '--targets', 'f', '--max-fail', '1', '--keep-going'], 'cannot be used with'],
    [['request', 'run', '--targets', 'f', '--any-errors-fatal', '--keep-going'], 'cannot be used with'],
    [['request', 'run', '--targets', 'f', '--throttle', '0'], 'Allowed is a whole number from 1.'],
    [['request', 'run', '--targets', 'f', '--pause-after', '0'], 'Allowed is a whole number from 1.'],
    [['request', 'run', '--targets', 'f', '--tries', '0'], 'Allowed is a whole number from 1.'],
    [['request', 'run', '--targets', 'f', '--stops', 'all'], 'Allowed choices are request, group.'],
    [['request', 'run', '--targets', 'f', '--plan', '--poll', '2'], 'cannot be used with'],
    [['request', 'run', '--targets', 'f', '--id', ''], 'An id is never empty: is a variable not set?'],
    [['request', 'show', ''], 'An id is never empty: is a variable not set?'],
    [['request', 'retry', 'r', '--failed', '--all'], 'cannot be used with'],
    [['request', 'sho'], "unknown verb 'sho'\n(Did you mean show?)"],
    [['group', 'set', 'g'], 'Give --lanes, --size or both.'],
    [
      ['group', 'set', 'g', '--lanes', '201'],
      'Allowed is a whole number from 1 to 200, or a whole percentage',
    ],
    [['group', 'pause', ''], 'A name is never empty: is a variable not set?'],
    [['local', '--release', 'debian-13'], '--release needs --instances machines.'],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
  ])('%j', async (args, message) => {
    const run = createProgram().parseAsync(['node', 'mayfly', ...args]);
    await expect(run).rejects.toThrow(CommanderError);
    const printed = stderr.mock.calls.map(([text]) => text).join('');
    expect(printed).toContain(message);
    expect(printed).toMatch(/^mayfly: /);
  });
});

describe('as a process', () => {
  it.each([
    [['enqueue'], 'Give exactly one of these: a body'],
    [['enqueue', '--async', '99999', 'x'], "The job's time limit is 99999 s"],
    [['enqueue', '--label', '7', 'x'], 'a label that begins with a letter'],
    [['enqueue', '--target', 's1', 'x'], 'the job has a target but no group'],
    [['enqueue', '--group', 'a/b/c', 'x'], 'a group that begins with a letter'],
    [['enqueue', '--group', 'g', '--delay', '5', 'x'], 'A job with a group cannot have a delay'],
  ])('%j exits with 2, prints a message on stderr and nothing on stdout', async (args, message) => {
    const { mayfly } = await open();
    const { stdout, stderr, exitCode } = await mayfly(...args);
    expect(stderr).toContain(message);
    expect({ exitCode, stdout, first: stderr.slice(0, 8) }).toEqual({
      exitCode: 2,
      stdout: '',
      first: 'mayfly: ',
    });
  });

  it('escapes what the user typed', async () => {
    const { mayfly } = await open();
    const { stderr } = await mayfly('\x1b]0;owned\x07');
    expect(stderr).toContain("unknown verb '\\x1b]0;owned\\x07'");
  });
});

describe('the flags that name a fleet', () => {
  it('can stand before and after the verb; the latter override the former, and both override variables', async () => {
    const { cloud, fleet, env, directory } = await open();
    for (const name of ['Shop/Mail', 'Shop/Print', 'Other/Mail']) {
      const Value = JSON.stringify({ ...fleet.facts, fleet: name });
      await cloud.call('ssm', 'PutParameter', { Name: `/mayfly/${name}`, Type: 'String', Value });
    }
    const others = Object.entries(env).filter(([variable]) => !variable.startsWith('MAYFLY_'));
    const environment = { ...Object.fromEntries(others), MAYFLY_STACK: 'Other' };
    const named = async (line: string, variables: Record<string, string> = environment) => {
      const { stderr } = await execa(process.execPath, [BIN, ...line.split(' ')], {
        cwd: directory,
        env: variables,
        extendEnv: false,
        reject: false,
      });
      return /(?:in|of) fleet (\S+?)(?::| is|\.$)/.exec(stderr)?.[1] ?? stderr;
    };
    const lines = {
      'status j-none': 'Other/Mail',
      '--stack Shop --fleet Mail status j-none': 'Shop/Mail',
      'status j-none --stack=Shop --fleet Mail': 'Shop/Mail',
      '--stack Other --fleet Mail status --stack Shop --fleet Print j-none': 'Shop/Print',
      '--stack Other dlq --stack Shop show --fleet Print j-none': 'Shop/Print',
    };
    const found: Record<string, string> = {};
    for (const line of Object.keys(lines)) found[line] = await named(line);
    expect(found).toEqual(lines);
    // A flag with the stack overrides the variables that name the parts of a fleet.
    expect(await named('--stack Shop --fleet Mail status j-none', env)).toBe('Shop/Mail');
  });

  it.each([
    [['--stack', 'Shop', 'completion', 'bash'], 'completion does not use a fleet: it has no option --stack.'],
    [['--log-bucket', 'logs', 'local'], 'local does not use a fleet: it has no option --log-bucket.'],
    [['dlq', '--region', 'x', 'help'], 'help does not use a fleet: it has no option --region.'],
  ])('are refused by a verb that does not use a fleet: %j', async (args, message) => {
    const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    try {
      const run = createProgram().parseAsync(['node', 'mayfly', ...args]);
      await expect(run).rejects.toThrow(CommanderError);
      expect(stderr.mock.calls.map(([text]) => text).join('')).toContain(message);
    } finally {
      stderr.mockRestore();
    }
  });
});

it('messages fit a terminal of 60 columns, and no word is cut', async () => {
  const { mayfly, directory, env, record } = await open();
  const reason = 'exit status 7, in the third and last of three attempts';
  await record({ id: 'j-failed', state: 'failed', reason, endedAt: new Date().toISOString() });
  await record({ id: 'j-waiting-for-long', state: 'queued', enqueuedAt: new Date().toISOString() });
  const lines = [
    'status j-none',
    'cancel j-failed',
    'logs j-waiting-for-long',
    'dlq purge --reason nothing',
    'enqueue --async 99999 x',
    'cleanup --ended-before 7d --force',
  ];
  for (const line of lines) {
    const { stdout, stderr } = await mayfly(...line.split(' '));
    const pty = onTerminal(`${process.execPath} ${BIN} ${line} < /dev/null`, {
      cwd: directory,
      env,
      columns: 60,
    });
    await pty.ended();
    const shown = stripVTControlCharacters(pty.screen()).replaceAll('\r', '').trimEnd();
    expect(Math.max(...shown.split('\n').map((one) => one.length))).toBeLessThan(60);
    expect(shown.replace(/\s+/g, ' ')).toBe(`${stdout}${stderr}`.replace(/\s+/g, ' '));
  }
});

describe('help', () => {
  const program = createProgram();
  const below = (command: Command) =>
    command.commands.filter((one) => command.createHelp().visibleCommands(command).includes(one));
  const verbs = below(program);

  it('fits into 80 columns, with an example for each verb', () => {
    expect(verbs.length).toBeGreaterThan(8);
    for (const verb of [program, ...verbs, ...verbs.flatMap(below)]) {
      let help = '';
      verb.configureOutput({ writeOut: (text) => (help += text), getOutHelpWidth: () => 80 });
      verb.outputHelp();
      expect(help.split('\n').filter((line) => line.length > 80)).toEqual([]);
      if (verb.parent === program && verb.name() !== 'local') expect(help).toMatch(/^Examples/m);
    }
  });

  it('of --label and --group says which keeps jobs from running at the same time', () => {
    const help = verbs.find((verb) => verb.name() === 'enqueue')?.helpInformation();
    expect(help).toMatch(/--label <name> +a name that jobs share/);
    expect(help).toMatch(/--group <name> +jobs of one group do not all run at once/);
  });

  it('of all verbs lists the exit statuses', async () => {
    const { mayfly } = await open();
    const { stdout, exitCode } = await mayfly('help');
    expect(exitCode).toBe(0);
    for (const status of [0, 1, 2, 119, 120, 121, 122, 123, 124, 130]) {
      expect(stdout).toMatch(new RegExp(`^ +${status}  \\w`, 'm'));
    }
    expect((await mayfly('help', 'wait')).stdout).toContain('Usage: mayfly wait');
    expect((await mayfly('help', 'dlq', 'list')).stdout).toContain('Usage: mayfly dlq list');
    expect(await mayfly('help', 'nope')).toMatchObject({ exitCode: 2, stdout: '' });
  });
});
