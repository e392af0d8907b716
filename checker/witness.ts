/**
 * A line that the worker of a job of a group writes about itself. It is appended in one write, so that the order of the lines is the
 * order of what they tell, whatever the clocks say.
 */
export interface WitnessLine {
  event: 'start' | 'end';
  job: string;
  /** The job whose roll-back or check it is, or that has begun it on its target. Absent: it is the job itself. */
  of?: string | undefined;
  attempt: number;
  pid: number;
  /** Epoch milliseconds. */
  atMs: number;
  group: string;
  target?: string | undefined;
  /** `remote`: what the job has begun on its target and may go on after its worker. Only for jobs that a check follows. */
  stage: 'job' | 'rollBack' | 'check' | 'remote';
  request?: string | undefined;
  /** Its place in its request, from 1. */
  index?: number | undefined;
  /** The exit status, as a shell reports it. Only with `end`. */
  status?: number | undefined;
}

/** What the witness has seen of a lane: from the first start of its job to the last line of any of its stages. */
export interface SeenLane {
  /** The job that has the lane. */
  job: string;
  group: string;
  target?: string | undefined;
  request?: string | undefined;
  index?: number | undefined;
  /** Numbers of lines, from 0. */
  first: number;
  last: number;
}

/** The lanes by their first lines. */
export function groupLanes(lines: readonly WitnessLine[]): SeenLane[] {
  const lanes = new Map<string, SeenLane>();
  for (const [number, { job, of = job, group, target, request, index }] of lines.entries()) {
    const lane = lanes.get(of);
    if (lane) lane.last = number;
    else lanes.set(of, { job: of, group, target, request, index, first: number, last: number });
  }
  return [...lanes.values()];
}

/** Parses the file of a witness. Throws an error with the number of a line that is not one. */
export function parseWitness(text: string): WitnessLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      const value = tryJson(line) as Partial<WitnessLine> | undefined;
      const isLine =
        (value?.event === 'start' || value?.event === 'end') && typeof value.job === 'string' && value.group;
      if (!isLine) throw new Error(`witness, line ${index + 1}: not an event of a worker: ${line}`);
      return value as WitnessLine;
    });
}

function tryJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
