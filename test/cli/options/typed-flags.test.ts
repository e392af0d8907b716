import { Command, Option } from 'commander';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { typedFlags } from '../../../cli/options/typed-flags.ts';

test('typed options survive a shell; variables and defaults are left out', async () => {
  const command = new Command()
    .option('--json')
    .option('--async <seconds>', '', Number)
    .option('--poll <seconds>', '', Number, 0)
    .option('--outputs <file>')
    .option('--file <file>')
    .addOption(new Option('--stack <name>').env('PWD'));
  const outputs = "/tmp/it's $HOME; \n*.json";
  command.parse(['--json', '--async', '1.5', '--outputs', outputs, '--file', 'jobs'], { from: 'user' });
  const flags = typedFlags(command, ['file']);
  const { stdout } = await execa('sh', ['-c', `printf '%s|' ${flags.join(' ')}`]);
  expect(stdout.split('|')).toEqual(['--json', '--async', '1.5', '--outputs', outputs, '']);
});

test('options before the verb are included, unless they are repeated after it', () => {
  const verb = new Command('enqueue').option('--stack <name>').option('--async <seconds>');
  const program = new Command().enablePositionalOptions().option('--stack <name>').option('--fleet <name>');
  program.addCommand(verb.action(() => {}));
  program.parse(['--stack', 'A', '--fleet', 'F', 'enqueue', '--async', '5', '--stack', 'B'], {
    from: 'user',
  });
  expect(typedFlags(verb, [])).toEqual(['--fleet', 'F', '--stack', 'B', '--async', '5']);
});
