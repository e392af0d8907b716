import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** In Python, because Node has no Unix datagram sockets. A barrier passes a descriptor and waits until it is closed. */
const LISTENER = `
import json, os, socket, sys
listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listening.bind(sys.argv[1])
print(json.dumps(["listening"]), flush=True)
while True:
    message, descriptors, _, _ = socket.recv_fds(listening, 65536, 8)
    for descriptor in descriptors:
        os.close(descriptor)
    print(json.dumps(message.decode().split("\\n")), flush=True)
`;

export interface NotifySocket {
  path: string;
  /** The messages so far, each as a list of assignments, without barriers. */
  messages: string[][];
  close(): Promise<void>;
}

/** A socket at `path` that services notify, like that of systemd. */
export async function openNotifySocket(path: string): Promise<NotifySocket> {
  const listener = spawn('/usr/bin/python3', ['-c', LISTENER, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const messages: string[][] = [];
  const lines = createInterface(listener.stdout);
  await once(lines, 'line');
  lines.on('line', (line) => {
    const assignments = (JSON.parse(line) as string[]).filter((one) => one !== '' && one !== 'BARRIER=1');
    if (assignments.length > 0) messages.push(assignments);
  });
  return {
    path,
    messages,
    async close() {
      listener.kill();
      await once(lines, 'close');
    },
  };
}
