import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const cache = mkdtempSync(join(tmpdir(), 'mayfly-mypy-'));
afterAll(() => rmSync(cache, { recursive: true }));

/** Checks the boot's Python programs against the syntax of an older version: `ast.parse(feature_version)`. */
const PARSES = `import ast, re, sys
for name in sys.argv[1:]:
    text = open(name, encoding="utf-8").read()
    inline = re.findall(r"<<'PYTHON'\\n(.*?)\\nPYTHON", text, re.S) + re.findall(r"python3 -c '\\n(.*?)'", text, re.S)
    sources = [text] if name.endswith(".py") else inline
    for source in sources:
        ast.parse(source, name, feature_version=(3, 9))
    print(name, len(sources))`;

test("Python 3.9 can parse the boot's own programs", () => {
  const programs: Record<string, number> = {
    'ansible/roles/mayfly_agent/files/unpack_node.py': 1,
    'ansible/prepare-setup.sh': 1,
    'infra/instance/boot.sh': 1,
    'systemd/aws.sh': 2,
    'systemd/mayfly-retire.sh': 1,
    'systemd/mayfly-slots.py': 1,
  };
  const words = ['-c', PARSES, ...Object.keys(programs)];
  const { stdout, stderr } = spawnSync('python3', words, { cwd: ROOT, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(stdout).toBe(
    Object.entries(programs)
      .map(([name, sources]) => `${name} ${sources}\n`)
      .join(''),
  );
});

/** Settings are in pyproject.toml: strict, and for the oldest supported Python. */
test.for([
  ['mypy', ['--cache-dir', cache]],
  ['black', ['--check', '--quiet']],
] as const)('%s finds nothing in the slot', ([tool, options], { skip }) => {
  const args = [...options, 'systemd/mayfly-slot', 'systemd/mayfly-slots.py'];
  const { error, status, stdout, stderr } = spawnSync(tool, args, { cwd: ROOT, encoding: 'utf8' });
  skip(error !== undefined, `needs ${tool} (Debian: the package ${tool})`);
  expect({ status, told: `${stdout}${stderr}` }).toEqual({
    status: 0,
    told: tool === 'mypy' ? expect.stringMatching(/^Success/) : '',
  });
});
