import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/**
 * The strictest options of ansible-lint that need no network.
 *
 * @param version what `ansible-lint --version` prints
 * @param home a directory for the configuration
 */
export function lintOptions(version: string, home: string): string[] {
  const strict = ['--offline', '--nocolor', '--profile', 'production', '-q'];
  const [, year = 0, month = 0] = /ansible-lint (\d+)\.(\d+)/.exec(stripVTControlCharacters(version)) ?? [];
  // An earlier version refuses a configuration with an unknown key.
  if (Number(year) < 24 || (Number(year) === 24 && Number(month) < 6)) return strict;
  const config = join(home, 'ansible-lint.yml');
  writeFileSync(
    config,
    'supported_ansible_also: ["2.14"] # "meta-runtime" of ansible-lint\'s documentation\n',
  );
  return [...strict, '-c', config];
}
