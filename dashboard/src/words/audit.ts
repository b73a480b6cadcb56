// What an entry of the audit log says, in words. What is hashed is the entry's own text; this is read off it.

import type { LoggedEntry, NamedInLog } from "../api/schema";
import { change, outcome, sentence } from "./policy";

type Names = Record<string, NamedInLog>;
type Values = Record<string, unknown>;

const KINDS: Record<string, string> = {
  request: "Request",
  decision: "Decision, on the disk before anything was sent",
  settings: "Privacy settings changed",
  usage_days: "How long usage rows are kept changed",
  review: "How the account reviews changed",
  ranking: "Part in the ranking of models changed",
  hold_accepted: "Change of the catalogue accepted",
  account_added: "Account made",
  account_closing: "Account being deleted",
  project_added: "Project made",
  member: "Role given to a member",
  member_removed: "Member removed",
  key_added: "API key made",
  key_revoked: "API key revoked",
  key_ends: "End of an API key set",
  key_able: "API key switched off or on",
  key_limits: "Limits of an API key changed",
  key_deleted: "API key deleted",
  provisioning_key_added: "Provisioning key made",
  provisioning_key_revoked: "Provisioning key revoked",
  credential_added: "Provider's key brought",
  credential: "Provider's key changed",
  credential_revoked: "Provider's key revoked",
  agreements: "What is signed for a provider's key changed",
  log_recipient: "Reader of the sealed log added",
  log_recipient_removed: "Reader of the sealed log removed",
  log_rule: "What the sealed log keeps changed",
  log_rule_dropped: "Rule of the sealed log dropped",
  unreadable: "Cannot be read: it is not what this gateway writes",
};
const SAID_ELSEWHERE = new Set(["account", "at", "decision", "id", "kind", "what"]);
const TIMES = new Set(["copy_until", "ends", "disabled", "flagged_until"]);

const valuesOf = (entry: LoggedEntry): Values => {
  try {
    return JSON.parse(entry.entry) as Values;
  } catch {
    return {};
  }
};

/** What it is an entry of, and its single values, with names in place of random ids; lists and what stands inside them are in the entry itself. */
export function saidBy(entry: LoggedEntry, names: Names): { title: string; values: string[] } {
  const values = valuesOf(entry);
  return { title: titleOf(entry, values), values: valuesIn(values, names) };
}

function titleOf(entry: LoggedEntry, values: Values): string {
  if (entry.kind === "action") return sentence(change(String(values.what)));
  if (entry.kind === "request") return `Request: ${outcome(String(values.outcome)).text.toLowerCase()}`;
  return KINDS[entry.kind] ?? sentence(entry.kind);
}

function say(name: string, value: unknown, names: Names): string {
  if (typeof value === "string") {
    const named = names[value];
    if (named) return named.name ?? named.id;
    return value.startsWith("log_") ? "somebody who is not known any more" : value;
  }
  return typeof value === "number" && TIMES.has(name) ? new Date(value).toISOString() : String(value);
}

function valuesIn(values: Values, names: Names): string[] {
  return Object.entries(values)
    .filter(([name, value]) => !SAID_ELSEWHERE.has(name) && value !== null && typeof value !== "object")
    .map(([name, value]) => `${name.replaceAll("_", " ")}: ${say(name, value, names)}`);
}
