import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../infra/package-files.ts';

const base = mkdtempSync(join(tmpdir(), 'mayfly-boot-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** The script's whole world: it reaches no other program. Each writes down what it was asked for. */
const PROGRAMS = {
  // As Auto Scaling: an instance in its launch hook cannot be terminated.
  curl: `for word; do case "$word" in
  Action=* | Should*) echo "$word" >>"$CALLS" ;;
esac; done
case "$*" in
  *Action=Complete*) : >"$CALLS.let-through" ;;
  *Action=Terminate*) [ -e "$CALLS.let-through" ] ;;
  *) echo answer ;;
esac`,
  mkdir: 'exit 1',
  python3: 'echo value',
  sleep: 'exit 0',
  systemctl: 'echo "$*" >>"$CALLS"',
};

async function failedBoot(): Promise<string[]> {
  const calls = join(base, 'calls');
  writeFileSync(calls, '');
  for (const [name, script] of Object.entries(PROGRAMS)) {
    writeFileSync(join(base, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(base, name), 0o755);
  }
  await execa('/bin/sh', [join(packageRoot, 'infra/boot.sh')], {
    env: { PATH: base, CALLS: calls },
    extendEnv: false,
    reject: false,
  });
  return readFileSync(calls, 'utf8').trim().split('\n');
}

describe('a boot that fails', () => {
  it('leaves its hook, then its group, then goes off: nothing is bought in its place', async () => {
    expect(await failedBoot()).toEqual([
      'Action=CompleteLifecycleAction',
      'Action=TerminateInstanceInAutoScalingGroup',
      'ShouldDecrementDesiredCapacity=true',
      'poweroff',
    ]);
  });
});
