import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Reads `add PID DIRECTORY` and `remove PID` until its input ends, which happens however this process ends. Then it
 * kills the instances that are left: the process group, and with `/proc` everything that runs in or below the directory.
 */
const SCRIPT = `
instances=
while read -r verb pid directory; do
  case $verb in
    add) instances="$instances$pid $directory
" ;;
    remove) instances=$(printf '%s' "$instances" | grep -v "^$pid ")
      instances="\${instances:+$instances
}" ;;
  esac
done
printf '%s' "$instances" | while read -r pid directory; do
  kill -KILL -- "-$pid"
  for process in /proc/[0-9]*; do
    case $(readlink "$process/cwd") in
      "$directory"/*) kill -KILL "\${process#/proc/}" ;;
    esac
  done
done
`;

let killer: ChildProcess | undefined;

/**
 * Has an instance's processes killed if this process ends without doing so: a killed cloud cannot do it itself and must
 * not leave instances behind. Returns a function that undoes it.
 *
 * @param pid the leader of a process group.
 */
export function killOnExit(pid: number, directory: string): () => void {
  killer ??= startKiller();
  const { stdin } = killer;
  stdin?.write(`add ${pid} ${directory}\n`);
  return () => stdin?.write(`remove ${pid}\n`);
}

function startKiller(): ChildProcess {
  const started = spawn('/bin/sh', ['-c', SCRIPT], {
    // In a session of its own: Ctrl-C in a terminal must not end it before the cloud.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  started.unref();
  // Without a shell there is no such protection; instances run all the same.
  started.on('error', () => {});
  started.stdin?.on('error', () => {});
  // Typed as a stream, the pipe is a socket. It must not keep the process alive.
  if (started.stdin && 'unref' in started.stdin && typeof started.stdin.unref === 'function') {
    started.stdin.unref();
  }
  return started;
}
