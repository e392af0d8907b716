import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';
import { parse } from 'yaml';

/** One file that the user-data writes. */
export interface UserDataFile {
  /** The absolute path on the instance. */
  path: string;
  content: Buffer;
  /** Octal; the default is `0o644`. */
  mode: number;
}

const FileSchema = v.object({
  path: v.string(),
  content: v.optional(v.string(), ''),
  encoding: v.optional(v.string(), 'text/plain'),
  permissions: v.optional(v.union([v.string(), v.number()]), '0644'),
});

const CloudConfigSchema = v.object({ write_files: v.optional(v.array(FileSchema), []) });

/**
 * The `write_files` of a `#cloud-config` (cloud-init's "Write Files" module). Other user-data, such as a shell script,
 * writes none.
 *
 * @throws if it is a `#cloud-config` that cloud-init cannot read either.
 */
export function readWriteFiles(userData: string): UserDataFile[] {
  if (!isCloudConfig(userData)) return [];
  const config = v.safeParse(CloudConfigSchema, parse(userData) ?? {});
  if (!config.success) throw new Error(`user-data: ${v.summarize(config.issues)}`);
  return config.output.write_files.map((file) => ({
    path: file.path,
    content: decode(file.content, file.encoding),
    mode: Number.parseInt(String(file.permissions), 8),
  }));
}

/** Checks the first line or the second. */
export function isCloudConfig(userData: string): boolean {
  return /^#cloud-config\s*$/m.test(userData.split('\n', 2).join('\n'));
}

/** cloud-init's names of encodings: `gz`, `gzip`, `b64`, `base64`, or one of each joined by `+`. */
function decode(content: string, encoding: string): Buffer {
  const parts = encoding.toLowerCase().split('+');
  const base64 = parts.some((part) => part === 'b64' || part === 'base64');
  const gzip = parts.some((part) => part === 'gz' || part === 'gzip');
  const bytes = Buffer.from(content, base64 ? 'base64' : gzip ? 'latin1' : 'utf8');
  return gzip ? gunzipSync(bytes) : bytes;
}
