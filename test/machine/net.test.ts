import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readMachineFiles } from '../../infra/instance/machine-files.ts';
import { eventually } from '../support/eventually.ts';
import { readJournal, TIMEOUT_MS } from './support/fleet.ts';
import { labs } from './support/lab.ts';

const start = labs();

const RETIRE = 'mayfly-retire.service';

/** It fails until the machine has rebooted. */
const BROKEN = `#!/bin/sh
[ ! -e /run/first ] || exit 1
systemctl poweroff
`;

/** Shortens the pauses between the tries to end the machine, and the delay of the timer. */
const LINES = `
cp -r /mnt/shared/machine/. /
touch /run/first
mkdir -p /etc/mayfly /etc/systemd/system/${RETIRE}.d /etc/systemd/system/mayfly-deadman.timer.d
printf '[Unit]\\nStartLimitBurst=3\\n[Service]\\nRestartSec=1\\n' >/etc/systemd/system/${RETIRE}.d/quick.conf
printf '[Timer]\\nOnActiveSec=\\nOnActiveSec=5\\n' >/etc/systemd/system/mayfly-deadman.timer.d/quick.conf
echo '{}' >/etc/mayfly/agent.json
systemctl daemon-reload
systemctl enable --now mayfly-deadman.timer
systemctl start --no-block ${RETIRE}`;

test('a machine that cannot end itself is rebooted, and then ends because it is no worker', async () => {
  const lab = await start();
  for (const { path, mode, content } of readMachineFiles()) {
    const file = join(lab.shared, 'machine', path);
    await mkdir(dirname(file), { recursive: true });
    const text = path.endsWith('/mayfly-retire') ? BROKEN : content;
    await writeFile(file, text, { mode: Number.parseInt(mode, 8) });
  }
  const [machine] = await lab.launch(LINES);
  if (!machine) throw new Error('nothing was launched');
  await eventually('its end', () => machine.state === 'terminated', TIMEOUT_MS);
  const journal = await readJournal(lab.launcher.machine(machine.id).journal);
  const boots = [...Map.groupBy(journal, ({ _BOOT_ID }) => _BOOT_ID).values()];
  const messages = boots.map((entries) => entries.map(({ MESSAGE }) => MESSAGE));
  expect(messages).toHaveLength(2);
  expect(messages[0]).toContain(`${RETIRE}: Start request repeated too quickly.`);
  expect(messages[1]).toContain(
    'mayfly-deadman: this machine does not work: the machine was restarted during its boot',
  );
});
