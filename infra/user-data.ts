import { readFileSync } from 'node:fs';
import type { Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

/** "Run commands when you launch an EC2 instance with user data input": 16 KB before it is encoded. */
export const MOST_BYTES = 16_384;
/** What a name that only the deployment knows may take: queue URLs are the longest. */
const BYTES_OF_A_REFERENCE = 160;

const BOOT_SCRIPT = '/usr/local/sbin/mayfly-boot';

interface File {
  path: string;
  mode: string;
  content: string;
}

/** The user-data of every instance: three files and a command, by cloud-init. */
export function userData(contents: { agentJson: string; treeJson: string }): string {
  const files: File[] = [
    { path: '/etc/mayfly/agent.json', mode: '0644', content: contents.agentJson },
    { path: '/etc/mayfly/tree.json', mode: '0644', content: contents.treeJson },
    { path: BOOT_SCRIPT, mode: '0755', content: bootScript() },
  ];
  return ['#cloud-config', 'write_files:', ...files.flatMap(entry), 'runcmd:', `- [${BOOT_SCRIPT}]`, ''].join(
    '\n',
  );
}

/** Literal blocks: what is in them needs no quoting, and JSON of one line stays one when names are put in. */
function entry({ path, mode, content }: File): string[] {
  const lines = content.trimEnd().split('\n');
  return [
    `- path: ${path}`,
    `  permissions: '${mode}'`,
    '  content: |',
    ...lines.map((line) => (line === '' ? '' : `    ${line}`)),
  ];
}

/** The boot script, without the comments that would count as user-data. */
function bootScript(): string {
  const source = readFileSync(new URL('./boot.sh', import.meta.url), 'utf8');
  const [shebang, ...lines] = source.split('\n');
  return [shebang, ...lines.filter((line) => !/^\s*#/.test(line))].join('\n');
}

/** Refuses, at synth, user-data that no launch would accept. */
export function refuseTooMuchUserData(scope: Construct, stack: Stack, content: string): void {
  scope.node.addValidation({
    validate: () => {
      const bytes = sizeOf(stack.resolve(content));
      if (bytes <= MOST_BYTES) return [];
      return [
        `user-data is about ${bytes} bytes; allowed: at most ${MOST_BYTES}. command and environment are its ` +
          'parts that grow: put what is long into a file of the worker directory',
      ];
    },
  });
}

/** Bytes of a resolved text, in which whatever is not literal counts as a name of the usual length. */
export function sizeOf(resolved: unknown): number {
  if (typeof resolved === 'string') return Buffer.byteLength(resolved);
  const join = resolved as { 'Fn::Join'?: [string, unknown[]] };
  const parts = join['Fn::Join']?.[1];
  return parts ? parts.reduce<number>((sum, part) => sum + sizeOf(part), 0) : BYTES_OF_A_REFERENCE;
}
