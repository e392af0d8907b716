import { gzipSync, strToU8 } from 'fflate';
import type { MachineFile } from '../instance/machine-files.ts';

/** Units that the image must have. */
const UNITS = [
  'mayfly-agent.service',
  'mayfly-slots.service',
  'mayfly-slot@.socket',
  'mayfly-slot@.service',
  'mayfly-retire.service',
];

/**
 * The component document of Image Builder ("Use the AWSTOE component document framework"; JSON is YAML). The build runs the
 * boot script in bake mode and checks the result. The test does the same checks on an instance that booted from the image.
 *
 * @param treeJson the content of tree.json, with the location of the tree and of Node.js
 */
export function makeComponentDocument(files: MachineFile[], treeJson: string) {
  return {
    name: 'Mayfly worker',
    schemaVersion: 1.0,
    phases: [
      phase('build', 'SetUp', [...files.map(put), ...setUp(treeJson)]),
      phase('validate', 'Look', look),
      phase('test', 'LookAgain', [...look, ...afterBoot]),
    ],
  };
}

const phase = (name: string, step: string, commands: string[]) => ({
  name,
  steps: [
    {
      name: step,
      action: 'ExecuteBash',
      onFailure: 'Abort',
      inputs: { commands: [['set -euo pipefail', ...commands].join('\n')] },
    },
  ],
});

/** Compressed, because of the limit, and so that no text of a file is read as a variable of the document. */
function put({ path, mode, content }: MachineFile): string {
  const packed = Buffer.from(gzipSync(strToU8(content), { level: 9, mtime: 0 })).toString('base64');
  return `install -D -m ${mode} /dev/null ${path} && base64 -d <<< ${packed} | gunzip > ${path}`;
}

/** /etc/mayfly belongs to one instance, whose user-data writes it. So the image must not have it. */
const setUp = (treeJson: string): string[] => [
  'install -d -m 0755 /etc/mayfly',
  "cat > /etc/mayfly/tree.json <<'JSON'",
  treeJson,
  'JSON',
  '/usr/local/sbin/mayfly-boot --bake',
  'rm -rf /etc/mayfly',
];

const look = [
  '/opt/mayfly/node/bin/node --version',
  'test -s /opt/mayfly/tree/agent/agent.mjs',
  'test -s /var/lib/mayfly-boot/baked',
  `systemctl cat ${UNITS.join(' ')} > /dev/null`,
  'id mayfly-agent',
  'id mayfly-slot-1',
];

/** Without user-data the agent must not start: an instance that terminates itself would fail the test. */
const afterBoot = ['test ! -e /etc/mayfly', '! systemctl is-active --quiet mayfly-agent.service'];
