import { escapeJson, escapeLine } from './terminal/escape.ts';
import type { Screen } from './terminal/screen.ts';

/** What is shown of a running cloud. `mayfly-local` has more of it; this module is loaded where that is not installed. */
export interface RunningCloud {
  endpoint: string;
  region: string;
  accountId: string;
  logFile: string;
  owner: { accessKeyId: string; secretAccessKey: string };
}

/** A call, as far as its line of text shows it. As JSON it is shown as it is. */
export interface ReportedCall {
  atMs: number;
  service: string;
  action: string;
  caller: string;
  status: number;
  error?: string;
  fault?: string;
}

/** Shows what happens in a running cloud. */
export interface Reporter {
  ready(cloud: RunningCloud): void;
  call(record: ReportedCall): void;
  ending(): void;
}

/** What any AWS client has to be told. Older ones know the region by another name. */
function environment({ endpoint, region, owner }: RunningCloud) {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: owner.secretAccessKey,
  };
}

export function createReporter(screen: Screen, form: 'text' | 'json'): Reporter {
  return form === 'json' ? jsonReporter(screen) : textReporter(screen);
}

function jsonReporter(screen: Screen): Reporter {
  const line = (event: string, rest: object) =>
    screen.write(`${escapeJson(JSON.stringify({ event, ...rest }))}\n`);
  return {
    ready: (cloud) => {
      const { endpoint, region, accountId, logFile } = cloud;
      line('ready', { endpoint, region, accountId, logFile, environment: environment(cloud) });
    },
    call: (record) => line('call', record),
    ending: () => line('ending', {}),
  };
}

/** What changes something gets a line; of all the rest there is one line that is kept up to date. */
function textReporter(screen: Screen): Reporter {
  let calls = 0;
  const clear = () => {
    if (screen.isTTY) screen.write('\r\u001b[2K');
  };
  return {
    ready(cloud) {
      const { endpoint, logFile } = cloud;
      const exports = Object.entries(environment(cloud)).map(([name, value]) => `  export ${name}=${value}`);
      screen.write(
        `A small AWS is up on ${endpoint}. In another shell, for any AWS client:\n\n${exports.join('\n')}\n\n`,
      );
      screen.write(`Every call is in ${logFile}. Ctrl-C ends it and all that runs on it.\n\n`);
    },
    call(record) {
      calls += 1;
      if (isNoteworthy(record)) {
        clear();
        screen.write(`${describe(record)}\n`);
      }
      if (!screen.isTTY) return;
      clear();
      screen.write(`${calls} calls, last ${describe(record)}`.slice(0, (screen.columns ?? 80) - 1));
    },
    ending() {
      clear();
      screen.write(`Ending, after ${calls} calls.\n`);
    },
  };
}

const READ_ONLY = /^(Describe|Get|List|Head|Receive|Query|Scan|Batch|Validate)/;
/** What jobs do all the time. */
const TRAFFIC = new Set(['sqs', 'dynamodb', 's3', 'monitoring', 'ssm', 'sts']);

function isNoteworthy({ service, action, status, fault, error }: ReportedCall): boolean {
  if (fault !== undefined || status >= 500 || error === 'AccessDenied') return true;
  if (/^(Create|Delete)(Queue|Table|Bucket)$/.test(action)) return true;
  return !TRAFFIC.has(service) && !READ_ONLY.test(action);
}

/** Whoever reaches the port may name an action or a service as they like. */
function describe({ atMs, service, action, caller, status, error, fault }: ReportedCall): string {
  const time = new Date(atMs).toISOString().slice(11, 19);
  const outcome = error ? `${status} ${error}` : String(status);
  return escapeLine(
    `${time}  ${service} ${action}  by ${caller}  ${outcome}${fault ? `  (fault: ${fault})` : ''}`,
  );
}
