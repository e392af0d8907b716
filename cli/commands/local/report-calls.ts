import { escapeJson, escapeLine } from '../../terminal/escape.ts';
import type { Screen } from '../../terminal/screen.ts';

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

/** Prints the events of a running cloud. */
export interface CallReporter {
  ready(cloud: RunningCloud): void;
  call(record: ReportedCall): void;
  ending(): void;
}

/** The variables that an AWS client needs. Older clients read the region from AWS_DEFAULT_REGION. */
function environment({ endpoint, region, owner }: RunningCloud) {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: owner.secretAccessKey,
  };
}

export function createCallReporter(screen: Screen, form: 'text' | 'json'): CallReporter {
  return form === 'json' ? jsonReporter(screen) : textReporter(screen);
}

function jsonReporter(screen: Screen): CallReporter {
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

/** Prints a line for each call that changes something. On a terminal, one more line shows the last call and is redrawn. */
function textReporter(screen: Screen): CallReporter {
  let calls = 0;
  const clear = () => {
    if (screen.isTTY) screen.write('\r\u001b[2K');
  };
  return {
    ready(cloud) {
      const { endpoint, logFile } = cloud;
      const exports = Object.entries(environment(cloud)).map(([name, value]) => `  export ${name}=${value}`);
      screen.write(
        `The embedded cloud listens on ${endpoint}. For any AWS client, in another shell:\n\n${exports.join('\n')}\n\n`,
      );
      screen.write(`${logFile} records every call. Ctrl-C ends the cloud and all its instances.\n\n`);
    },
    call(record) {
      calls += 1;
      if (isNoteworthy(record)) {
        clear();
        screen.write(`${callText(record)}\n`);
      }
      if (!screen.isTTY) return;
      clear();
      screen.write(`${calls} calls, last ${callText(record)}`.slice(0, (screen.columns ?? 80) - 1));
    },
    ending() {
      clear();
      screen.write(`Ending, after ${calls} calls.\n`);
    },
  };
}

const READ_ONLY = /^(Describe|Get|List|Head|Receive|Query|Scan|Batch|Validate)/;
/** The services that running jobs call all the time. */
const TRAFFIC = new Set(['sqs', 'dynamodb', 's3', 'monitoring', 'ssm', 'sts']);

function isNoteworthy({ service, action, status, fault, error }: ReportedCall): boolean {
  if (fault !== undefined || status >= 500 || error === 'AccessDenied') return true;
  if (/^(Create|Delete)(Queue|Table|Bucket)$/.test(action)) return true;
  return !TRAFFIC.has(service) && !READ_ONLY.test(action);
}

/** A client can send any text as the name of an action or a service, so the line is escaped. */
function callText({ atMs, service, action, caller, status, error, fault }: ReportedCall): string {
  const time = new Date(atMs).toISOString().slice(11, 19);
  const outcome = error ? `${status} ${error}` : String(status);
  return escapeLine(
    `${time}  ${service} ${action}  by ${caller}  ${outcome}${fault ? `  (fault: ${fault})` : ''}`,
  );
}
