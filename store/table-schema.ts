/** The table of a fleet: its key, its indexes and the attribute of its time to live. All keys are strings. */

export const KEY_ATTRIBUTE = 'pk';
/** Epoch seconds. */
export const EXPIRY_ATTRIBUTE = 'expires';

/** Jobs by their state, what runs on an instance, and instances. */
export const STATE_INDEX = {
  name: 'byState',
  partitionKey: 'listed',
  sortKey: 'listedAt',
  /** They do not change while a job is in one state. Any other attribute would cost a write of the index. */
  projected: ['label', 'group', 'requestId', 'instance'],
} as const;

/** The index before that one. Instances are in both. Jobs that agents of earlier versions run are in this one alone. */
export const LISTING_INDEX = { name: 'byListing', partitionKey: 'listing' } as const;

const [HASH, RANGE] = ['HASH', 'RANGE'] as const;

/** The indexes as "CreateTable" takes them. */
export const INDEX_DEFINITIONS = {
  byListing: {
    IndexName: LISTING_INDEX.name,
    KeySchema: [{ AttributeName: LISTING_INDEX.partitionKey, KeyType: HASH }],
    Projection: { ProjectionType: 'ALL' as const },
  },
  byState: {
    IndexName: STATE_INDEX.name,
    KeySchema: [
      { AttributeName: STATE_INDEX.partitionKey, KeyType: HASH },
      { AttributeName: STATE_INDEX.sortKey, KeyType: RANGE },
    ],
    Projection: { ProjectionType: 'INCLUDE' as const, NonKeyAttributes: [...STATE_INDEX.projected] },
  },
};

/** The table as "CreateTable" takes it. */
export const TABLE_DEFINITION = {
  BillingMode: 'PAY_PER_REQUEST' as const,
  KeySchema: [{ AttributeName: KEY_ATTRIBUTE, KeyType: HASH }],
  AttributeDefinitions: [
    KEY_ATTRIBUTE,
    LISTING_INDEX.partitionKey,
    STATE_INDEX.partitionKey,
    STATE_INDEX.sortKey,
  ].map((AttributeName) => ({ AttributeName, AttributeType: 'S' as const })),
  GlobalSecondaryIndexes: [INDEX_DEFINITIONS.byListing, INDEX_DEFINITIONS.byState],
};
