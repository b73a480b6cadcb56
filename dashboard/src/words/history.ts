// What a change made of what was there before, in words.

import { plural } from "./format";

const KEEPS: Record<string, string> = { both: "prompts and responses", prompts: "prompts", responses: "responses", nothing: "nothing" };
const text = (value: unknown): string => String(value);

/** The values that say what a change came to, by the names that the history has them under. */
const TOLD: Record<string, { label: string; say: (value: unknown) => string }> = {
  name: { label: "name", say: text },
  role: { label: "role", say: text },
  recipient: { label: "public key", say: text },
  keeps: { label: "keeps", say: (value) => KEEPS[text(value)] ?? text(value) },
  share: { label: "share of requests", say: (value) => `${Math.round(Number(value) * 1000) / 10}%` },
  ttl_days: { label: "deleted after", say: (value) => plural(Number(value), "day") },
  days: { label: "usage rows kept for", say: (value) => (value === null ? "as long as the operator says" : plural(Number(value), "day")) },
  takes_part: { label: "takes part", say: (value) => (value === true ? "yes" : "no") },
};

const valuesOf = (values: unknown): Record<string, unknown> => (typeof values === "object" && values !== null && !Array.isArray(values) ? (values as Record<string, unknown>) : {});

/** What changed, one line for each value. */
export function cameTo(before: unknown, after: unknown): string[] {
  const [old, now] = [valuesOf(before), valuesOf(after)];
  return Object.entries(TOLD).flatMap(([name, { label, say }]) => {
    if (!(name in old) && !(name in now)) return [];
    const [was, is] = [name in old ? say(old[name]) : null, name in now ? say(now[name]) : "none"];
    if (was === is) return [];
    return [was === null ? `${label}: ${is}` : `${label}: ${was} → ${is}`];
  });
}
