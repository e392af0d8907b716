import { gzipSync, strToU8 } from 'fflate';
import type { MachineFile } from '../instance/machine-files.ts';

/** What the image must hold, as the unit that its presence shows. */
const UNITS = [
  'mayfly-agent.service',
  'mayfly-slots.service',
  'mayfly-slot@.socket',
  'mayfly-slot@.service',
  'mayfly-retire.service',
];

/**
 * What Image Builder runs, in the order of its phases: on the machine that becomes the image the set-up of a fleet's
 * own instances, in bake mode, and a look at what came of it; then the same look at a machine that booted from the
 * image. In the schema of "Use the AWSTOE component document framework"; JSON is YAML.
 *
 * @param treeJson where the tree and Node.js are, as user-data tells it to instances
 */
export function imageComponent(files: MachineFile[], treeJson: string) {
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

/** Packed, for the sake of the limit, and so that nothing in a file is taken for a variable of the document. */
function put({ path, mode, content }: MachineFile): string {
  const packed = Buffer.from(gzipSync(strToU8(content), { level: 9, mtime: 0 })).toString('base64');
  return `install -D -m ${mode} /dev/null ${path} && base64 -d <<< ${packed} | gunzip > ${path}`;
}

/** /etc/mayfly is what an instance is told of itself: its user-data writes it. */
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

/** Without user-data there is nothing to do: a machine that went by itself would fail the test by its end. */
const afterBoot = ['test ! -e /etc/mayfly', '! systemctl is-active --quiet mayfly-agent.service'];
