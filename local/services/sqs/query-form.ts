import { element, encodeMembers, escapeXml, QUERY_NAMES } from '../../front-door/protocol/xml.ts';
import { isStructure } from '../../front-door/read.ts';
import type { Input, QueryForm } from '../../front-door/service.ts';

/**
 * The SQS protocol of clients before 2023: its Query form flattens lists and maps (`Attribute.1.Name`), and old clients
 * post to the path of the queue's URL.
 */

const LISTS: Record<string, string> = {
  AttributeName: 'AttributeNames',
  MessageAttributeName: 'MessageAttributeNames',
  MessageSystemAttributeName: 'MessageSystemAttributeNames',
  TagKey: 'TagKeys',
  SendMessageBatchRequestEntry: 'Entries',
  DeleteMessageBatchRequestEntry: 'Entries',
  ChangeMessageVisibilityBatchRequestEntry: 'Entries',
};

const MAPS: Record<string, { name: string; key: string }> = {
  Attribute: { name: 'Attributes', key: 'Name' },
  MessageAttribute: { name: 'MessageAttributes', key: 'Name' },
  MessageSystemAttribute: { name: 'MessageSystemAttributes', key: 'Name' },
  Tag: { name: 'Tags', key: 'Key' },
};

const NUMBERS = new Set([
  'DelaySeconds',
  'MaxNumberOfMessages',
  'MaxNumberOfMessagesPerSecond',
  'MaxResults',
  'VisibilityTimeout',
  'WaitTimeSeconds',
]);

const RESULTS: Record<string, { Successful: string }> = {
  SendMessageBatch: { Successful: 'SendMessageBatchResultEntry' },
  DeleteMessageBatch: { Successful: 'DeleteMessageBatchResultEntry' },
  ChangeMessageVisibilityBatch: { Successful: 'ChangeMessageVisibilityBatchResultEntry' },
};

export const sqsQueryForm: QueryForm = {
  decode(action, parameters, path) {
    const input = decode(parameters);
    if (path !== '/' && !('QueueUrl' in input)) input['QueueUrl'] = path;
    // Only CreateQueue has `tags` in lower case.
    if (action === 'CreateQueue' && input['Tags']) input['tags'] = input['Tags'];
    return input;
  },
  encode(action, output) {
    const { Successful, Failed, Messages, QueueUrls, queueUrls, Results, Attributes, Tags, ...rest } = output;
    return (
      encodeMembers(rest, QUERY_NAMES) +
      flat(RESULTS[action]?.Successful ?? '', Successful) +
      flat('BatchResultErrorEntry', Failed) +
      lines('QueueUrl', QueueUrls ?? queueUrls) +
      flat('ListMessageMoveTasksResultEntry', Results) +
      pairs('Attribute', 'Name', Attributes) +
      pairs('Tag', 'Key', Tags) +
      (Array.isArray(Messages)
        ? Messages.map((message) => element('Message', encodeMessage(message))).join('')
        : '')
    );
  },
};

function decode(parameters: Input): Input {
  const input: Input = {};
  for (const [name, value] of Object.entries(parameters)) {
    const map = MAPS[name];
    if (map) input[map.name] = decodeMap(value, map.key);
    else if (NUMBERS.has(name)) input[name] = Number(value);
    else input[LISTS[name] ?? name] = Array.isArray(value) ? value.map(decodeItem) : value;
  }
  return input;
}

function decodeItem(item: unknown): unknown {
  return isStructure(item) ? decode(item) : item;
}

/** Converts `[{Name, Value}]`, or one such pair without a number, into a map. */
function decodeMap(value: unknown, key: string): Input {
  const items = (Array.isArray(value) ? value : [value]).filter(isStructure);
  return Object.fromEntries(items.map((item) => [String(item[key]), item['Value']]));
}

function encodeMessage(message: Input): string {
  const { Attributes, MessageAttributes, ...rest } = message;
  return (
    encodeMembers(rest, QUERY_NAMES) +
    pairs('Attribute', 'Name', Attributes) +
    pairs('MessageAttribute', 'Name', MessageAttributes)
  );
}

function flat(name: string, items: unknown): string {
  if (!Array.isArray(items)) return '';
  return items.map((item: Input) => element(name, encodeMembers(item, QUERY_NAMES))).join('');
}

function lines(name: string, items: unknown): string {
  if (!Array.isArray(items)) return '';
  return items.map((item) => element(name, escapeXml(String(item)))).join('');
}

function pairs(name: string, key: string, map: unknown): string {
  if (!isStructure(map)) return '';
  return Object.entries(map)
    .map(([entry, value]) => {
      const content = isStructure(value) ? encodeMembers(value, QUERY_NAMES) : escapeXml(String(value));
      return element(name, element(key, escapeXml(entry)) + element('Value', content));
    })
    .join('');
}
