import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { packageRoot } from '../../lib/package-files.ts';

const TASKS = join(packageRoot, 'ansible/roles/mayfly_agent/tasks/upgrades.yml');

/** needrestart takes the first expression that matches, in the order of their texts ("needrestart.conf"). */
const ASKS = `our %nrconf = (override_rc => { qr(^dbus) => 0, qr(^systemd-logind) => 0 });
eval $ARGV[0]; die $@ if $@;
SERVICE: for my $service (@ARGV[1..$#ARGV]) {
  for my $expression (sort keys %{$nrconf{override_rc}}) {
    next unless $service =~ /$expression/;
    print $service, $nrconf{override_rc}->{$expression} ? " restarts\\n" : " stays\\n";
    next SERVICE;
  }
  print "$service restarts\\n";
}`;

test('no upgrade restarts the agent or a slot, and other services are restarted as before', ({ skip }) => {
  if (spawnSync('perl', ['-v']).error) skip('needs perl (Debian: the package perl-base)');
  const tasks = parse(readFileSync(TASKS, 'utf8')) as Record<string, { content?: string }>[];
  const [settings = ''] = tasks.flatMap((task) => task['ansible.builtin.copy']?.content ?? []);
  const services = ['mayfly-agent.service', 'mayfly-slot@1.service', 'ssh.service', 'dbus.service'];
  const { stdout, stderr } = spawnSync('perl', ['-we', ASKS, settings, ...services], { encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout.trim().split('\n')).toEqual([
    'mayfly-agent.service stays',
    'mayfly-slot@1.service stays',
    'ssh.service restarts',
    'dbus.service stays',
  ]);
});
