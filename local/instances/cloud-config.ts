import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';
import { parse } from 'yaml';

/** One file that user-data asks for. */
export interface UserDataFile {
  /** Absolute, as on the instance. */
  path: string;
  content: Buffer;
  /** Octal, `0o644` when not given. */
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
 * The `write_files` of a `#cloud-config` (cloud-init's "Write Files" module). User-data of another kind, such as a
 * shell script, asks for none.
 *
 * @throws if it is a `#cloud-config` that cloud-init would not read either.
 */
export function filesOfUserData(userData: string): UserDataFile[] {
  if (!isCloudConfig(userData)) return [];
  const config = v.safeParse(CloudConfigSchema, parse(userData) ?? {});
  if (!config.success) throw new Error(`user-data: ${v.summarize(config.issues)}`);
  return config.output.write_files.map((file) => ({
    path: file.path,
    content: decode(file.content, file.encoding),
    mode: Number.parseInt(String(file.permissions), 8),
  }));
}

/** By its first line, or the one after it. */
export function isCloudConfig(userData: string): boolean {
  return /^#cloud-config\s*$/m.test(userData.split('\n', 2).join('\n'));
}

/** cloud-init's names for encodings: `gz`, `gzip`, `b64`, `base64`, and the two joined by `+`. */
function decode(content: string, encoding: string): Buffer {
  const parts = encoding.toLowerCase().split('+');
  const base64 = parts.some((part) => part === 'b64' || part === 'base64');
  const gzip = parts.some((part) => part === 'gz' || part === 'gzip');
  const bytes = Buffer.from(content, base64 ? 'base64' : gzip ? 'latin1' : 'utf8');
  return gzip ? gunzipSync(bytes) : bytes;
}
