import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { readMachineFiles } from '../../infra/instance/machine-files.ts';

/** The real programs that the script can use, besides the stubs. It can reach nothing else of this machine. */
const REAL = 'awk cat chmod cp cut date env grep head mkdir nice python3 rm sed tail tee tr'.split(' ');
/** A script that runs longer than this hangs, because its sleeps take no time. */
const HANG_MS = 90_000;

/** The answers of the stubs: the output of `systemctl show`, and the answer of AWS to each call. */
export interface Answers {
  /** Properties of `mayfly-agent.service`. */
  agent?: Record<string, string | number>;
  /** ActiveState of `mayfly-retire.service`. Default `inactive`. */
  retire?: string;
  /** The state of the whole system. Default `running`. */
  system?: string;
  /** The environment of the unit. */
  env?: Record<string, string>;
  /** Seconds since power-on. Default 1000. */
  uptime?: number;
  /** Whether the metadata service answers. Default true. */
  metadata?: boolean;
  /** Shell code: `$action` is the call (also `UpdateItem` and `PutObject`). It prints the body. Status 22 is an HTTP error. */
  aws?: string;
  /** Shell programs by name, which replace the default stubs. */
  programs?: Record<string, string>;
}

export interface ScriptResult {
  status: number | undefined;
  /** Calls of AWS and of systemctl that change something, in order. */
  calls: string[];
  /** The output. */
  output: string;
  /** Seconds that the script would have slept. */
  sleptSeconds: number;
}

/** The directories of a machine, and stubs of the programs that its scripts call. */
export class FakeMachine {
  readonly root = mkdtempSync(join(tmpdir(), 'mayfly-machine-'));
  readonly #bin = join(this.root, 'stubs');

  constructor() {
    for (const { path, mode, content } of readMachineFiles())
      this.put(path, content, Number.parseInt(mode, 8));
    this.put('/etc/mayfly/agent.json', JSON.stringify(AGENT_JSON));
    this.put('/etc/mayfly/tree.json', JSON.stringify(TREE_JSON));
    this.put('/var/lib/mayfly-boot/made', '');
    mkdirSync(this.#bin);
    for (const name of REAL) symlinkSync(join('/usr/bin', name), join(this.#bin, name));
  }

  put(path: string, content: string, mode = 0o644): this {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    // Links are removed first, because writing through one would change a real program.
    rmSync(file, { force: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
    return this;
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8');
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  async run(script: string, answers: Answers = {}, args: string[] = []): Promise<ScriptResult> {
    const { uptime = 1000, metadata = true, system = 'running', aws = ':', programs = {} } = answers;
    this.put('/proc/uptime', `${uptime}.00 1.00\n`).put('/calls', '').put('/slept', '0\n');
    this.put('/show/mayfly-agent.service', lines({ ActiveState: 'active', ...answers.agent }));
    this.put('/show/mayfly-retire.service', lines({ ActiveState: answers.retire ?? 'inactive' }));
    this.put('/show/system', `${system}\n`);
    this.put('/show/manager', lines({ UserspaceTimestampMonotonic: 0 }));
    this.put('/answer', aws);
    for (const [name, text] of Object.entries({ ...PROGRAMS, ...programs })) {
      this.put(`/stubs/${name}`, `#!/bin/sh\n${text}\n`, 0o755);
    }
    const { exitCode, all } = await execa('/bin/sh', [join(this.root, script), ...args], {
      env: { ...answers.env, MAYFLY_ROOT: this.root, METADATA: String(metadata), PATH: this.#bin },
      extendEnv: false,
      reject: false,
      all: true,
      timeout: HANG_MS,
    });
    return {
      status: exitCode,
      calls: this.read('/calls').split('\n').filter(Boolean),
      output: all,
      sleptSeconds: Number(this.read('/slept')),
    };
  }
}

export const AGENT_JSON = {
  table: 'table',
  logBucket: 'logs',
  launchHook: 'launch',
  terminationHook: 'termination',
  retirement: { billing: 'auto', ladderSeconds: 600 },
};

export const TREE_JSON = {
  bucket: 'assets',
  key: 'tree.zip',
  region: 'us-east-1',
  contentHash: 'the hash of tree.zip',
  node: { bucket: 'assets', key: 'node.tgz', integrity: 'sha512-right' },
};

const lines = (properties: Record<string, string | number>): string =>
  Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');

/**
 * The stubs. Only `sleep` lets time pass. `curl` answers for the metadata service and for AWS: it records the call, and `answer`
 * gives the response.
 */
const PROGRAMS: Record<string, string> = {
  sleep: `read -r slept <"$MAYFLY_ROOT/slept"; echo $((slept + $1)) >"$MAYFLY_ROOT/slept"
read -r up rest <"$MAYFLY_ROOT/proc/uptime"; echo "$((\${up%.*} + $1)).00 $rest" >"$MAYFLY_ROOT/proc/uptime"`,
  timeout: 'shift; exec "$@"',
  journalctl: 'echo the journal',
  systemctl: `case "$*" in
  show*mayfly-agent.service*) cat "$MAYFLY_ROOT/show/mayfly-agent.service" ;;
  show*mayfly-retire.service*) cat "$MAYFLY_ROOT/show/mayfly-retire.service" ;;
  show*) cat "$MAYFLY_ROOT/show/manager" ;;
  is-system-running) cat "$MAYFLY_ROOT/show/system" ;;
  *) echo "systemctl $*" >>"$MAYFLY_ROOT/calls" ;;
esac`,
  curl: `case "$*" in
  *169.254.169.254*)
    [ "$METADATA" = true ] || exit 28
    case "$*" in
      */api/token) echo token ;;
      */latest/) cat "$MAYFLY_ROOT/headers" 2>/dev/null ;;
      */placement/region) echo us-east-1 ;;
      */services/domain) echo amazonaws.com ;;
      */meta-data/instance-id) echo i-1 ;;
      */aws:autoscaling:groupName) echo group ;;
      */security-credentials/) echo role ;;
      */security-credentials/role) echo '{"AccessKeyId": "KEY", "SecretAccessKey": "SECRET", "Token": "TOKEN"}' ;;
      */target-lifecycle-state) cat "$MAYFLY_ROOT/target" 2>/dev/null || echo InService ;;
      *) exit 22 ;;
    esac
    exit 0 ;;
esac
grep -q 'user = "KEY:SECRET"' || { echo 'not signed'; exit 67; }
action='' call=''
for word; do
  case "$word" in
    Action=*) action=\${word#Action=} call=$action ;;
    ShouldDecrementDesiredCapacity=* | HealthStatus=*) call="$call \${word#*=}" ;;
    LifecycleHookName=*) call="$call \${word#*=}" ;;
    X-Amz-Target:*) action=\${word##*.} call=$action ;;
    @*) cp "\${word#@}" "$MAYFLY_ROOT/body" ;;
    -T) action=PutObject call=PutObject ;;
    -o) action=GetObject call=GetObject ;;
    https://*.amazonaws.com/*) case $action in *Object) call="$call $word" ;; esac ;;
  esac
done
echo "$call" >>"$MAYFLY_ROOT/calls"
. "$MAYFLY_ROOT/answer"`,
};

/** Shell code for `answer`: an error of Auto Scaling. */
export const refusal = (code: string, message: string): string =>
  `echo '<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>'; exit 22`;
