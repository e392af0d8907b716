import type { Clock } from '../../aws/clock.ts';
import type { Log } from '../../aws/log.ts';
import { createSecretClients, type SecretClients } from '../../aws/secret-clients.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { toError } from '../../lib/error-message.ts';
import { classifySecretFailure, type RefusalKind } from '../../policy/refusal.ts';
import type { AgentConfig } from '../config/agent-config.ts';
import type { SecretConfig } from '../config/secret-config.ts';
import type { WorkerAccess } from '../credentials/worker-access.ts';
import type { RefusalTracker } from '../supervision/refusals.ts';
import { readSecret } from './read-secret.ts';
import { SecretCache } from './secret-cache.ts';
import { pickValue, SecretValueError } from './secret-value.ts';

/** What a worker gets of the secrets, by the names of its variables: values, and the contents of files. */
export interface SecretValues {
  variables: Record<string, string>;
  files: Record<string, string>;
}

/** The message names each secret that cannot be read, and says why. It never has a value. */
export class SecretsUnreadableError extends Error {
  override readonly name = 'SecretsUnreadableError';
  /** `lasting`: somebody has to correct a secret or a permission. */
  readonly kind: RefusalKind;
  constructor(message: string, kind: RefusalKind) {
    super(message);
    this.kind = kind;
  }
}

export interface WorkerSecretsOptions {
  config: Pick<AgentConfig, 'secrets' | 'region'>;
  /** Whose credentials read the secrets. */
  access: Pick<WorkerAccess, 'credentials'> | undefined;
  clock: Clock;
  /** Gets the result of each reading. */
  refusals: Pick<RefusalTracker, 'answered' | 'refused'>;
  /** As `Math.random`. */
  random: () => number;
  log: Log;
}

/** Returns undefined if the fleet's workers have no secrets. */
export function openWorkerSecrets(options: WorkerSecretsOptions): WorkerSecrets | undefined {
  const { config, access, clock } = options;
  if (Object.keys(config.secrets).length === 0) return undefined;
  if (!access) throw new Error('the workers have secrets, but no role that can read them');
  const credentials = async () => {
    const { AccessKeyId, SecretAccessKey, Token, Expiration } = await access.credentials();
    return {
      accessKeyId: AccessKeyId,
      secretAccessKey: SecretAccessKey,
      sessionToken: Token,
      expiration: new Date(Expiration),
    };
  };
  return new WorkerSecrets(createSecretClients(config.region, credentials, clock), options);
}

/** Before a secret that is refused is read again without a job that needs it. */
const RETRY_DELAYS = { initialMs: 500, maxMs: 15_000 };
const MIN_RETRY_DELAY_MS = 250;

interface Secret {
  name: string;
  config: SecretConfig;
  /** Shared by the secrets that are fields of one: they are always of one version. */
  cache: SecretCache;
}

interface Failure {
  text: string;
  kind: RefusalKind;
}

/**
 * The secrets of the workers. They are read when a job starts and kept for `CACHE_MS`. If they are refused for good, they
 * are read again until they can be: meanwhile no worker is started that could need them.
 */
export class WorkerSecrets {
  readonly #options: WorkerSecretsOptions;
  readonly #clients: SecretClients;
  readonly #secrets: readonly Secret[];
  readonly #closed = new AbortController();
  #failure: string | undefined;
  #failures = 0;
  /** The secrets will be read again without a job. */
  #isRetryPlanned = false;

  constructor(clients: SecretClients, options: WorkerSecretsOptions) {
    this.#options = options;
    this.#clients = clients;
    const caches = new Map<string, SecretCache>();
    this.#secrets = Object.entries(options.config.secrets).map(([name, config]) => {
      const key = `${config.source} ${config.id}`;
      const cache = caches.get(key) ?? new SecretCache(() => readSecret(clients, config), options.clock);
      caches.set(key, cache);
      return { name, config, cache };
    });
  }

  /** Rejects with `SecretsUnreadableError`. */
  async read(): Promise<SecretValues> {
    const values: SecretValues = { variables: {}, files: {} };
    const failures: Failure[] = [];
    const readOne = async (secret: Secret) => {
      const { name, config } = secret;
      const value = await readValue(secret);
      if (typeof value !== 'string') failures.push(value);
      else if (config.file) values.files[name] = value;
      else values.variables[name] = value;
    };
    await Promise.all(this.#secrets.map(readOne));
    if (failures.length > 0) throw this.#failed(failures);
    this.#succeeded();
    return values;
  }

  /** From now on the secrets are read for no job and by no retry. */
  close(): void {
    this.#closed.abort();
    this.#clients.destroy();
  }

  #succeeded(): void {
    const { log, refusals } = this.#options;
    refusals.answered('secrets');
    if (this.#failure !== undefined) log.info("the workers' secrets can be read again");
    this.#failure = undefined;
    this.#failures = 0;
  }

  /** Logs only the first of equal failures in a row. */
  #failed(failures: readonly Failure[]): SecretsUnreadableError {
    const { log, refusals } = this.#options;
    const kind = failures.some((one) => one.kind === 'lasting') ? 'lasting' : 'passing';
    const error = failures
      .filter((one) => one.kind === kind)
      .map(({ text }) => text)
      .join('; ');
    refusals.refused('secrets', kind, error);
    this.#failures += 1;
    if (error !== this.#failure) {
      const level = kind === 'lasting' ? 'error' : 'warn';
      log[level]({ error, kind }, "the workers' secrets cannot be read: their jobs go back to the queue");
    }
    this.#failure = error;
    if (kind === 'lasting') void this.#retryLater();
    return new SecretsUnreadableError(error, kind);
  }

  /** Only one retry waits at a time. */
  async #retryLater(): Promise<void> {
    if (this.#isRetryPlanned) return;
    this.#isRetryPlanned = true;
    const { clock, random } = this.#options;
    const waitMs = Math.max(MIN_RETRY_DELAY_MS, backoffMs(RETRY_DELAYS, this.#failures, random));
    await clock.sleep(waitMs, this.#closed.signal).catch(() => undefined);
    this.#isRetryPlanned = false;
    if (!this.#closed.signal.aborted) await this.read().catch(() => undefined);
  }
}

/** The value, or why there is none. Never rejects. */
async function readValue({ name, config, cache }: Secret): Promise<string | Failure> {
  try {
    return pickValue(await cache.get(), config);
  } catch (thrown) {
    const error = toError(thrown);
    const isUnusable = error instanceof SecretValueError;
    // A value that was corrected is used at the next try.
    if (isUnusable) cache.drop();
    const kind = isUnusable ? 'lasting' : classifySecretFailure(error);
    return { text: `${name} (${config.id}): ${isUnusable ? error.message : describe(error)}`, kind };
  }
}

/** The error of a JSON parser quotes the text, and so a part of the secret. */
function describe(error: Error): string {
  if (error instanceof SyntaxError) return 'the answer of AWS is not valid';
  return `${error.name}: ${error.message}`;
}
