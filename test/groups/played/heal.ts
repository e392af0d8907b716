import type { GroupState } from '../../../policy/groups/state.ts';
import type { RequestRecord } from '../../../store/request-items.ts';
import type { PlayedFleet } from './fleet.ts';
import {
  changeGroup,
  changeRequest,
  findUndone,
  isExpected,
  mayResume,
  type Order,
  pursue,
} from './scenario.ts';

/** Half a minute each. */
const MOST_ROUNDS = 400;

/**
 * From here on nothing fails: an agent and the keeper run, orders are repeated, and operators resume what waits for them. Throws
 * if something is left in the end.
 */
export async function heal(fleet: PlayedFleet, orders: readonly Order[]): Promise<void> {
  for (const agent of fleet.agents) agent.cutOff = false;
  if (fleet.agents.every(({ gone }) => gone)) fleet.startAgent();
  const before = new Set(fleet.operations);
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    await fleet.answerAll();
    for (const agent of fleet.agents) await fleet.deliver(agent);
    await fleet.answerAll();
    const done = orders.map((order) => pursue(fleet, order));
    if (done.every(Boolean) && fleet.runningOperations.length === 0 && findUndone(fleet).length === 0) break;
    if (round % 2 === 0 && !fleet.runningOperations.some(({ name }) => name === 'keep')) fleet.keep();
    if (round % 4 === 1) resumeAll(fleet);
    await fleet.answerAll();
    await fleet.wait(30);
  }
  const undone = findUndone(fleet);
  if (undone.length > 0)
    throw new Error(`in ${MOST_ROUNDS} rounds in which all goes well: ${undone.join('; ')}`);
  for (const { name, result } of fleet.operations) {
    if (result === undefined || result === 'done') continue;
    if (isExpected(result.error)) continue;
    throw new Error(`${name} failed`, { cause: result.error });
  }
  for (const operation of fleet.operations) {
    const { name, result } = operation;
    if (before.has(operation) || name !== 'keep' || result === undefined || result === 'done') continue;
    throw new Error('the keeper failed although all went well', { cause: result.error });
  }
}

function resumeAll(fleet: PlayedFleet): void {
  for (const [id, { state }] of fleet.table.readAll<RequestRecord>('request#'))
    if (state === 'stopped' || state === 'paused') changeRequest('resume', id).run(fleet);
  for (const [name, group] of fleet.table.readAll<GroupState>('group#')) {
    const { pausedAtMs, stopped, requests } = group;
    if ((pausedAtMs !== undefined || stopped) && mayResume(fleet, name))
      changeGroup('resume', name).run(fleet);
    for (const { id, state } of requests)
      if (state === 'stopped' || state === 'paused') changeRequest('resume', id).run(fleet);
  }
}
