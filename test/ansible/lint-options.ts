import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/**
 * The options with which ansible-lint is strictest, and needs no network.
 *
 * @param version what `ansible-lint --version` prints
 * @param home where a configuration may be written
 */
export function lintOptions(version: string, home: string): string[] {
  const strict = ['--offline', '--nocolor', '--profile', 'production', '-q'];
  const [, year = 0, month = 0] = /ansible-lint (\d+)\.(\d+)/.exec(stripVTControlCharacters(version)) ?? [];
  // An earlier version refuses a configuration with a key that it does not know.
  if (Number(year) < 24 || (Number(year) === 24 && Number(month) < 6)) return strict;
  const config = join(home, 'ansible-lint.yml');
  writeFileSync(
    config,
    'supported_ansible_also: ["2.14"] # "meta-runtime" of ansible-lint\'s documentation\n',
  );
  return [...strict, '-c', config];
}
