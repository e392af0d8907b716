import { isDeepStrictEqual } from 'node:util';
import { errorReason, validationError } from '../errors.ts';
import type { ResourceType } from '../resource-type.ts';
import type { ResourceDeclaration } from '../template/template.ts';
import { createResourceContext, type Deployment, requireResourceType } from './deployment.ts';
import { resolveProperties } from './evaluate.ts';
import { setResourceStatus } from './events.ts';
import { changedProperties, readProperties, takesReplacement } from './properties.ts';
import type { StackResource } from './stack.ts';

/** Brings one resource to the target: creates it, updates it in place, replaces it, or leaves it as it is. */
export async function provision(
  deployment: Deployment,
  logicalId: string,
  dependsOn: string[],
): Promise<void> {
  const { stack } = deployment;
  if (deployment.rollingBack) restoreReplaced(deployment, logicalId);
  const now = stack.resources.get(logicalId);
  if (now?.physicalId !== undefined && now.status !== 'CREATE_FAILED') {
    return change(deployment, now, dependsOn);
  }
  // A resource that failed in a deployment without roll-back is retired, and a new one is created.
  if (now?.physicalId !== undefined) stack.retired.push(now);
  return create(deployment, fresh(deployment, logicalId, dependsOn));
}

/** Restores the resource that the failed update replaced. The clean-up deletes its replacement. */
function restoreReplaced({ stack, account, ids }: Deployment, logicalId: string): void {
  const old = stack.retired.find((retired) => retired.logicalId === logicalId);
  if (!old) return;
  const replacement = stack.resources.get(logicalId);
  stack.retired = stack.retired.filter((retired) => retired !== old);
  if (replacement?.physicalId !== undefined) stack.retired.push(replacement);
  stack.resources.set(logicalId, old);
  setResourceStatus(stack, account.context.clock, ids, old, 'UPDATE_COMPLETE');
}

async function change(deployment: Deployment, now: StackResource, dependsOn: string[]): Promise<void> {
  const { logicalId } = now;
  const previous = { ...now };
  const declaration = declared(deployment, logicalId);
  Object.assign(now, { declaration, dependsOn });
  try {
    const raw = await resolveProperties(
      declaration.Properties,
      deployment.scope,
      deployment.account.context.call,
    );
    const properties = readProperties(requireResourceType(now), logicalId, raw);
    if (takesReplacement(requireResourceType(now), changedProperties(previous.properties, properties))) {
      await replace(deployment, now, previous, properties);
    } else {
      await updateInPlace(deployment, now, previous, properties);
    }
  } catch (error) {
    failed(deployment, now, 'UPDATE_FAILED', error);
    throw error;
  }
}

function declared({ target }: Deployment, logicalId: string): ResourceDeclaration {
  const declaration = target.template.resources[logicalId];
  if (!declaration) throw validationError(`Resource ${logicalId} is not in the template`);
  return declaration;
}

function fresh(deployment: Deployment, logicalId: string, dependsOn: string[]): StackResource {
  const { stack, account } = deployment;
  const declaration = declared(deployment, logicalId);
  const resource: StackResource = {
    logicalId,
    type: declaration.Type,
    attributes: {},
    properties: {},
    declaration,
    dependsOn,
    status: 'CREATE_IN_PROGRESS',
    changedAtMs: account.context.clock.now(),
    fresh: true,
  };
  stack.resources.set(logicalId, resource);
  return resource;
}

async function create(deployment: Deployment, resource: StackResource): Promise<void> {
  const { stack, account, ids, scope } = deployment;
  const { clock, call } = account.context;
  try {
    const type = requireResourceType(resource);
    const raw = await resolveProperties(resource.declaration.Properties, scope, call);
    setResourceStatus(stack, clock, ids, resource, 'CREATE_IN_PROGRESS');
    resource.properties = readProperties(type, resource.logicalId, raw);
    await make(deployment, type, resource);
    setResourceStatus(stack, clock, ids, resource, 'CREATE_COMPLETE');
  } catch (error) {
    failed(deployment, resource, 'CREATE_FAILED', error);
    throw error;
  }
}

async function make(deployment: Deployment, type: ResourceType, resource: StackResource): Promise<void> {
  const context = createResourceContext(deployment, resource);
  const made = await type.create(resource.properties, context);
  context.reportCreated(made.physicalId);
  resource.physicalId = made.physicalId;
  resource.attributes = made.attributes;
}

async function updateInPlace(
  deployment: Deployment,
  resource: StackResource,
  previous: StackResource,
  properties: Record<string, unknown>,
): Promise<void> {
  const { stack, account, ids } = deployment;
  const type = requireResourceType(resource);
  const changed = changedProperties(previous.properties, properties).length > 0 || previous.uncertain;
  const retagged = type.taggable && !isDeepStrictEqual(deployment.target.tags, deployment.previousTags);
  if (!changed && !retagged) return;
  setResourceStatus(stack, account.context.clock, ids, resource, 'UPDATE_IN_PROGRESS');
  const context = createResourceContext(deployment, resource);
  resource.uncertain = true;
  resource.properties = properties;
  const physicalId = resource.physicalId ?? '';
  const made = await type.update?.(
    { physicalId, attributes: resource.attributes },
    properties,
    previous.properties,
    context,
  );
  if (made && made.physicalId !== physicalId) {
    stack.retired.push(previous);
    resource.fresh = true;
  }
  Object.assign(resource, made ?? {});
  delete resource.uncertain;
  setResourceStatus(stack, account.context.clock, ids, resource, 'UPDATE_COMPLETE');
}

const REPLACING = 'Requested update requires the creation of a new physical resource; hence creating one.';

/** Creates the new resource beside the old one. The clean-up deletes the old one. */
async function replace(
  deployment: Deployment,
  resource: StackResource,
  previous: StackResource,
  properties: Record<string, unknown>,
): Promise<void> {
  const { stack, account, ids } = deployment;
  const { clock } = account.context;
  const type = requireResourceType(resource);
  refuseSameName(type, resource, previous.properties, properties);
  stack.retired.push(previous);
  delete resource.physicalId;
  Object.assign(resource, { properties, attributes: {}, fresh: true });
  setResourceStatus(stack, clock, ids, { ...previous, properties }, 'UPDATE_IN_PROGRESS', REPLACING);
  await make(deployment, type, resource);
  setResourceStatus(stack, clock, ids, resource, 'UPDATE_COMPLETE');
}

function refuseSameName(
  type: ResourceType,
  { logicalId }: StackResource,
  previous: Record<string, unknown>,
  next: Record<string, unknown>,
): void {
  const name = type.nameProperty === undefined ? undefined : next[type.nameProperty];
  if (name === undefined || type.nameProperty === undefined || name !== previous[type.nameProperty]) return;
  throw validationError(
    'CloudFormation cannot update a stack when a custom-named resource requires replacing. ' +
      `Rename ${String(name)} and update the stack again. (${logicalId})`,
  );
}

function failed(deployment: Deployment, resource: StackResource, status: string, error: unknown): void {
  const { stack, account, ids, signal } = deployment;
  const verb = status === 'CREATE_FAILED' ? 'creation' : 'update';
  const cancelled = signal.aborted && (error === signal.reason || (error as Error).name === 'AbortError');
  const reason = cancelled ? `Resource ${verb} cancelled` : errorReason(error);
  setResourceStatus(stack, account.context.clock, ids, resource, status, reason);
}
