import type { buildApp } from 'fauxqs';

/** fauxqs's stores, which its app takes as an option. */
export type Stores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>['stores']>;
/** Its queues with their messages. */
export type QueueStore = Stores['sqsStore'];
export type StoredQueue = ReturnType<QueueStore['createQueue']>;
/** Its objects. */
export type ObjectStore = Stores['s3Store'];
export type StoredObject = ReturnType<ObjectStore['putObject']>;
export type StoredMessage = StoredQueue['messages'][number];

/**
 * Creates the stores of a fauxqs app. fauxqs takes stores as an option but does not export their classes, so they are
 * imported from the files beside its main module. package.json therefore takes only patches of its
 * version.
 */
export async function createStores(): Promise<Stores> {
  const load = (path: string): Promise<Record<string, new () => unknown>> =>
    import(new URL(path, import.meta.resolve('fauxqs')).href);
  const make = async (path: string, name: string) => {
    const Store = (await load(path))[name];
    if (!Store) throw new Error(`fauxqs has no ${name} in ${path}.`);
    return new Store();
  };
  const [sqsStore, snsStore, s3Store] = await Promise.all([
    make('./sqs/sqsStore.js', 'SqsStore'),
    make('./sns/snsStore.js', 'SnsStore'),
    make('./s3/s3Store.js', 'S3Store'),
  ]);
  return { sqsStore, snsStore, s3Store } as Stores;
}
