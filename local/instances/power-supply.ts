import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Reads `plug PID DIRECTORY` and `unplug PID` until its input ends, which it does however this process ends; then
 * kills what is still plugged: the process group, and with `/proc` what runs in or below the directory.
 */
const SCRIPT = `
plugged=
while read -r verb pid directory; do
  case $verb in
    plug) plugged="$plugged$pid $directory
" ;;
    unplug) plugged=$(printf '%s' "$plugged" | grep -v "^$pid ")
      plugged="\${plugged:+$plugged
}" ;;
  esac
done
printf '%s' "$plugged" | while read -r pid directory; do
  kill -KILL -- "-$pid"
  for process in /proc/[0-9]*; do
    case $(readlink "$process/cwd") in
      "$directory"/*) kill -KILL "\${process#/proc/}" ;;
    esac
  done
done
`;

let supply: ChildProcess | undefined;

/**
 * Has an instance's processes killed should this process end without doing so itself: a cloud that is killed has
 * no chance to, and must not leave instances behind. Returns how to take that back.
 *
 * @param pid leads a process group.
 */
export function plugIn(pid: number, directory: string): () => void {
  supply ??= startSupply();
  const { stdin } = supply;
  stdin?.write(`plug ${pid} ${directory}\n`);
  return () => stdin?.write(`unplug ${pid}\n`);
}

function startSupply(): ChildProcess {
  const started = spawn('/bin/sh', ['-c', SCRIPT], {
    // In a session of its own: Ctrl-C in a terminal reaches the cloud, and must not reach this one before it.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  started.unref();
  // Without a shell there is nothing to plug in to; instances run all the same.
  started.on('error', () => {});
  started.stdin?.on('error', () => {});
  // Typed as a stream, a pipe is a socket: what waits on it must not keep the process alive.
  if (started.stdin && 'unref' in started.stdin && typeof started.stdin.unref === 'function') {
    started.stdin.unref();
  }
  return started;
}
