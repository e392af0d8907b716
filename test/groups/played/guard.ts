import type { Clock } from '../../../aws/clock.ts';
import { type JobRecord, TERMINAL_STATES } from '../../../jobs/record.ts';
import type { GroupState, OutJob } from '../../../policy/groups/state.ts';
import type { TargetState } from '../../../store/target-items.ts';
import { type OnWrite, plainItem } from '../../support/memory-table.ts';
import type { PlayedFleet } from './fleet.ts';
import type { PlayedWorker } from './worker.ts';

type Watched = Pick<PlayedFleet, 'table' | 'runningWorkers' | 'onStart'> & { clock: Pick<Clock, 'now'> };
type Group = Pick<GroupState, 'lanes' | 'size' | 'out' | 'requests' | 'stopped'>;

/** Watches the table and the workers of a played fleet, and notes what must never be. */
export class Guard {
  readonly faults: string[] = [];
  /** When a group got which number of lanes. */
  readonly lanes = new Map<string, { fromMs: number; lanes: number }[]>();
  readonly #fleet: Watched;

  constructor(fleet: Watched) {
    this.#fleet = fleet;
    fleet.table.onWrite((key, before, after) => this.#look(key, before, after));
    fleet.onStart = (worker) => this.#started(worker);
  }

  #started(worker: PlayedWorker): void {
    const { job, of = job, target, group } = worker.work;
    for (const other of this.#fleet.runningWorkers) {
      if (other === worker) continue;
      if (other.work.job === job) this.#accuse(job, `it starts while it runs on ${other.agent}`);
      if (target !== undefined && other.work.target === target)
        this.#accuse(job, `it starts on ${target} while ${other.work.job} runs there`);
    }
    const entry = this.#group(group)?.out[of];
    if (!entry || (entry.job ?? of) !== job) this.#accuse(job, `it starts, and ${group} has no lane for it`);
    if (target !== undefined && this.#target(target)?.job !== of)
      this.#accuse(job, `it starts on ${target}, which ${this.#target(target)?.job ?? 'nobody'} has`);
  }

  #look(...[key, before, after]: Parameters<OnWrite>): void {
    if (key.startsWith('group#'))
      this.#lookAtGroup(key.slice(6), plainItem<Group>(before), plainItem<Group>(after));
    if (key.startsWith('job#')) this.#lookAtJob(plainItem<JobRecord>(before), plainItem<JobRecord>(after));
    if (key.startsWith('target#'))
      this.#lookAtTarget(key.slice(7), plainItem<TargetState>(before), plainItem<TargetState>(after));
  }

  #lookAtGroup(name: string, before: Group | undefined, after: Group | undefined): void {
    if (!after) this.#accuse(name, 'its item is deleted');
    if (!after) return;
    const lanes = this.#noteLanes(name, after);
    const { out: earlier = {}, requests: known = [] } = before ?? {};
    const added = Object.entries(after.out).filter(([id]) => !(id in earlier));
    const taken = Object.keys(after.out).length;
    if (added.length > 0 && taken > lanes) this.#accuse(name, `${taken} jobs are out in ${lanes} lanes`);
    for (const [id, job] of added) this.#lookAtThrottle(name, id, job, after);
    for (const [id, { stage }] of Object.entries(after.out))
      if (stage === 'unhealthy' && !after.stopped) this.#accuse(id, `it is unhealthy, and ${name} goes on`);
    for (const [id, job] of Object.entries(earlier)) {
      const now = after.out[id];
      if (now && now.stage === job.stage && now.release === job.release) continue;
      const problem = this.#whyNotOver(id, job);
      if (problem !== undefined && job.stage !== 'unhealthy')
        this.#accuse(
          id,
          `its lane in ${name} goes from ${job.stage} to ${now?.stage ?? 'free'}, and ${problem}`,
        );
    }
    for (const { id } of after.requests)
      if (after.requests.filter((one) => one.id === id).length > 1) this.#accuse(name, `it has ${id} twice`);
    if (known.length > after.requests.length + 1) this.#accuse(name, 'it forgets requests');
  }

  #lookAtThrottle(name: string, id: string, job: OutJob, { out, requests }: Group): void {
    const { throttle = Number.POSITIVE_INFINITY } =
      requests.find((one) => one.id === job.request)?.policy ?? {};
    const ofRequest = Object.values(out).filter(({ request }) => request === job.request).length;
    if (job.request !== undefined && ofRequest > throttle)
      this.#accuse(id, `${ofRequest} jobs of ${job.request} are out in ${name}, of ${throttle} at most`);
  }

  /** Undefined: what runs in the lane has ended, or was recalled before it began. */
  #whyNotOver(id: string, { job, stage }: Pick<OutJob, 'job' | 'stage'>): string | undefined {
    const own = job ?? id;
    const running = this.#fleet.runningWorkers.find(({ work }) => work.job === own);
    if (running) return `its worker runs on ${running.agent}`;
    const record = this.#job(own);
    if (!record || TERMINAL_STATES.has(record.state)) return undefined;
    if (stage !== 'job' || record.release !== undefined) return `${own} is ${record.state}`;
    return record.startedAt === undefined ? undefined : `${own} has begun and is recalled`;
  }

  #noteLanes(name: string, { lanes = 1, size = 0 }: Group): number {
    const number =
      typeof lanes === 'number' ? lanes : Math.max(1, Math.floor((Number.parseInt(lanes, 10) * size) / 100));
    const noted = this.lanes.get(name) ?? [];
    if (noted.at(-1)?.lanes !== number) noted.push({ fromMs: this.#fleet.clock.now(), lanes: number });
    this.lanes.set(name, noted);
    return number;
  }

  #lookAtJob(before: JobRecord | undefined, after: JobRecord | undefined): void {
    const { id = '?' } = after ?? before ?? {};
    if (before && !after) this.#accuse(id, 'its record is deleted');
    if (!after) return;
    if (before && TERMINAL_STATES.has(before.state) && after.state !== before.state)
      this.#accuse(id, `it was ${before.state}, and is ${after.state}`);
    if (after.state !== 'running' || after.fence === before?.fence || after.group === undefined) return;
    const entry = this.#group(after.group)?.out[after.stageOf ?? id];
    if (!entry || entry.release !== after.release)
      this.#accuse(id, `it is claimed under release ${after.release}, and its lane has ${entry?.release}`);
  }

  #lookAtTarget(name: string, before: TargetState | undefined, after: TargetState | undefined): void {
    if (!before || before.job === after?.job) return;
    const entry = this.#group(before.group)?.out[before.job];
    if (entry?.stage === 'unhealthy') return;
    // Under its present release it takes the target once more before it is sent.
    if (before.release < (this.#job(before.job)?.release ?? 0)) return;
    const problem = this.#whyNotOver(before.job, entry ?? { stage: 'job' });
    if (problem !== undefined) this.#accuse(name, `${before.job} loses it, and ${problem}`);
  }

  #group(name: string): GroupState | undefined {
    return this.#fleet.table.read(`group#${name}`);
  }

  #job(id: string): JobRecord | undefined {
    return this.#fleet.table.read(`job#${id}`);
  }

  #target(name: string): TargetState | undefined {
    return this.#fleet.table.read(`target#${name}`);
  }

  #accuse(subject: string, fault: string): void {
    this.faults.push(`${subject}: ${fault}`);
  }
}
