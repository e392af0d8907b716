import { drawPanel, type PanelState, plainLine } from './panel.ts';

/** A file or a pipe gets a line at most this often. */
const PLAIN_INTERVAL_MS = 1_000;

/** Shows progress: a panel that is redrawn on a terminal, or a line whenever something has changed. */
export interface Progress {
  say(line: string): void;
  show(moment: PanelState): void;
  /** Leaves the last state on the screen. Later lines go below it. */
  keepLast(): void;
}

export function createProgress(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? redrawn(stream) : plain(stream);
}

function redrawn(stream: NodeJS.WriteStream): Progress {
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[J`);
    drawn = 0;
  };
  let last: PanelState | undefined;
  const draw = () => {
    if (!last) return;
    const lines = drawPanel(last, stream.columns);
    stream.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  return {
    say(line) {
      clear();
      stream.write(`${line}\n`);
      draw();
    },
    show(moment) {
      clear();
      last = moment;
      draw();
    },
    keepLast() {
      drawn = 0;
      last = undefined;
    },
  };
}

function plain(stream: NodeJS.WriteStream): Progress {
  let last = '';
  let writtenMs = 0;
  return {
    say: (line) => void stream.write(`${line}\n`),
    show(moment) {
      const state = JSON.stringify({ ...moment, seconds: 0, sample: { ...moment.sample, atMs: 0 } });
      if (state === last || moment.sample.atMs - writtenMs < PLAIN_INTERVAL_MS) return;
      last = state;
      writtenMs = moment.sample.atMs;
      stream.write(`${plainLine(moment)}\n`);
    },
    keepLast() {},
  };
}
