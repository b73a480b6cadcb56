// What is kept of a request, in words: of one, and of each by the inventory.

import type { Stored } from "../api/inventory";
import type { ShownKey, UsageRow } from "../api/schema";
import { count, exactTime, list, money, plural, seconds } from "./format";
import { sentence } from "./policy";

/** The records that every request leaves something in, by what people call them. */
export const RECORDS: Record<string, string> = {
  usage: "Its usage row",
  usage_hours: "Sums by the hour",
  spending: "What keys spent",
  audit_request: "The audit log",
  decision: "Decision record",
};

const MANY = 99;
/** Told by their fields; of the others the inventory's note says enough. */
const TOLD = new Set(["usage", "spending", "audit_request"]);

export function rows(stored: readonly Stored[]): { record: string; fields: string; days: number | null; note: string }[] {
  return Object.keys(RECORDS).flatMap((name) => {
    const found = stored.find((one) => one.record === name);
    if (!found) return [];
    const fields = TOLD.has(name) ? `${sentence(list(found.fields.map((one) => one.field.replace(".", " ").replaceAll("_", " ")), MANY))}.` : "";
    const note = { audit_request: `${found.note ?? ""} Only ever added to, never changed or deleted; account, key and app stand in it as random ids.`.trim(), spending: `Kept ${found.note ?? ""}.` }[name] ?? found.note ?? "";
    return [{ record: name, fields, days: name === "usage" ? (found.ttl_days ?? null) : null, note }];
  });
}

type Fact = [name: string, value: string | null | undefined];

/** Every field of a request's usage row that holds something. */
export function factsOf(usage: UsageRow, key: ShownKey | undefined): Fact[] {
  const { tokens, app } = usage;
  const facts: Fact[] = [
    ["Decision", usage.decision],
    ["When", exactTime(usage.at)],
    ["Account", usage.account],
    ["API key", key?.name ? `${key.name} (${usage.key})` : usage.key],
    ["Project", usage.project],
    ["Model", usage.model],
    ["Operation", sentence(usage.operation)],
    ["Provider", usage.provider],
    ["Endpoint", usage.endpoint],
    ["Was sent to", usage.sent_to && (usage.sent_to.map(([endpoint]) => endpoint).join(", ") || "nobody: no connection was made")],
    ["Credential", usage.credential],
    ["Answered by, as the router says", usage.host],
    ["Held against what was promised", usage.evidence && sentence(usage.evidence)],
    ["Data class", usage.data_class],
    ["App", [app?.name, app?.version].filter(Boolean).join(" ")],
    ["App, user and session ids that it sent", [app?.id, app?.user_id, app?.session_id].filter(Boolean).join(", ")],
    ["Outcome", `${sentence(usage.outcome)}, status ${usage.status}`],
    ["Attempts", usage.attempts ? String(usage.attempts) : null],
    ["Took", usage.duration ? seconds(usage.duration) : null],
    ["First token after", usage.first_token == null ? null : seconds(usage.first_token)],
    ["Streamed", usage.streamed ? "yes" : "no"],
    ["Tokens", tokens?.prompt || tokens?.completion ? `${plural(tokens.prompt ?? 0, "token")} in, ${count(tokens.completion ?? 0)} out${tokens.cached ? `, ${count(tokens.cached)} of the cache` : ""}${tokens.reasoning ? `, ${count(tokens.reasoning)} for reasoning` : ""} (${usage.source})` : null],
    ["Cost", money(usage.cost)],
  ];
  return facts.filter(([, value]) => value);
}

/** Who was sent a request, in order and each as often as it was; nobody where no connection was made. */
const sentTo = (usage: UsageRow): string[] => usage.sent_to?.map(([endpoint]) => endpoint.slice(0, endpoint.indexOf("/"))) ?? (usage.provider ? [usage.provider] : []);

/** Where a request went and what came of it, as a sentence: of one that some provider was called for. */
export function wentOf(usage: UsageRow): string {
  const sent = sentTo(usage);
  const calls = usage.attempts ?? sent.length;
  const took = seconds(usage.duration);
  if (sent.length === 0) return `It was sent to nobody: no connection to ${usage.provider} was made (${plural(calls, "attempt")}, ${took}).`;
  const stops = sent.filter((name, place) => name !== sent[place - 1]);
  const times = sent.length > stops.length ? ` (${sent.length} times in all)` : "";
  const unmade = calls > sent.length ? `, with ${plural(calls - sent.length, "attempt")} more that made no connection` : "";
  const end = usage.outcome === "success" || usage.outcome === "content_refused" ? `and the answer took ${took}` : `and ended after ${took} without a whole answer`;
  return `It went to ${stops.join(", then to ")}${times}${unmade}, ${end}${usage.first_token ? ` (the first token ${seconds(usage.first_token)})` : ""}.`;
}

/** What a request cost, as a sentence. */
export function costOf(usage: UsageRow): string {
  if (sentTo(usage).length === 0) return "It cost nothing: nothing was sent.";
  return usage.cost == null ? "What it cost is not known: no price is on record." : `It cost ${money(usage.cost)}, by the catalogue's prices.`;
}
