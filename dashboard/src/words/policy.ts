// Data policies, settings, reasons and outcomes in plain sentences.

import type { PolicyView } from "../api/schema";
import { days, list, plural } from "./format";

export type Tone = "good" | "bad" | "warn" | "plain";
export interface Said {
  text: string;
  tone: Tone;
}

export function training(value: string): Said {
  switch (value) {
    case "never":
      return { text: "Never trains on it", tone: "good" };
    case "opt_out":
      return { text: "Trains unless opted out", tone: "bad" };
    case "by_default":
      return { text: "Trains on it", tone: "bad" };
    default:
      return { text: "Training unknown", tone: "warn" };
  }
}

/** As a record states it, or as an endpoint's policy shows it. */
export interface Kept {
  kind: string;
  days?: number | null;
  purpose?: string | null;
}

export function retention({ kind, days: most = null }: Kept): Said {
  switch (kind) {
    case "zero":
      return { text: "Keeps nothing", tone: "good" };
    case "limited":
      if (most === 0) return { text: "Keeps nothing", tone: "good" };
      return most === null ? { text: "Kept, no end stated", tone: "warn" } : { text: `Kept ${days(most)}`, tone: "plain" };
    case "compliance":
      return { text: most === null ? "Kept for compliance" : `Kept ${days(most)} for compliance`, tone: "warn" };
    case "indefinite":
      return { text: "Kept with no end", tone: "bad" };
    default:
      return { text: "Retention unknown", tone: "warn" };
  }
}

/** What an endpoint keeps; what it keeps of flagged content is said too where that is longer. */
export function keeps({ retention: kept, flagged }: { retention: Kept; flagged: Kept | null }): Said {
  const plain = retention(kept);
  if (flagged === null || lasts(flagged) <= lasts(kept)) return plain;
  return { text: `${plain.text}, flagged ${flagged.days == null ? (flagged.kind === "indefinite" ? "with no end" : "for an unknown time") : span(flagged.days)}`, tone: plain.tone === "good" ? "plain" : plain.tone };
}

const lasts = ({ kind, days: most }: Kept): number => (kind === "zero" ? 0 : (most ?? Number.POSITIVE_INFINITY));
const span = (value: number): string => (value % 365 === 0 && value > 0 ? plural(value / 365, "year") : days(value));

export function review(value: string): Said {
  if (value === "no") return { text: "No human review", tone: "good" };
  if (value === "yes") return { text: "People may read it", tone: "warn" };
  return { text: "Human review unknown", tone: "warn" };
}

const ZERO: Record<string, string> = {
  default: "without asking",
  self_serve: "by a switch of your own",
  approval: "if the provider approves",
  contract: "by contract",
  no: "not to be had",
};
export const zeroRetention = (value: string): string => ZERO[value] ?? "not known";

export function confidence(value: string): Said {
  switch (value) {
    case "contracted":
      return { text: "By contract", tone: "good" };
    case "primary":
      return { text: "The provider says so", tone: "good" };
    case "secondary":
      return { text: "Somebody else says so", tone: "warn" };
    default:
      return { text: "Nobody says so", tone: "bad" };
  }
}

/** How good a policy is, for sorting: lower keeps less and trains less. */
export const strictness = (policy: PolicyView | null): number => (policy === null ? 1e9 : leniency(policy.training, policy.retention));

export function leniency(trains: string, kept: Kept): number {
  const rank = { never: 0, opt_out: 1e6, unknown: 2e6, by_default: 3e6 }[trains] ?? 2e6;
  return rank + (kept.kind === "zero" ? 0 : (kept.days ?? 1e5));
}

const REASONS: Record<string, string> = {
  training_by_default: "Trains on what is sent",
  training_opt_out: "Trains unless you opt out",
  training_unknown: "Does not say whether it trains",
  retention_too_long: "Keeps it too long",
  retention_endless: "Keeps it with no stated end",
  retention_unknown: "Does not say how long it keeps it",
  retention_not_zero: "Keeps something",
  flagged_copies_too_long: "Keeps flagged content too long",
  endpoint_free: "Is a free endpoint",
  credential_free_tier: "Your credential is of a free tier",
  credential_tier_undeclared: "Nobody declared the credential paid",
  certification_missing: "Lacks a certification",
  certification_needs_agreement: "Its certification needs a signed agreement",
  certifications_not_named: "No certification was named",
  region_unknown: "Does not say where it processes",
  region_not_allowed: "Processes in another region",
  provider_not_in_only: "Not on the list of allowed providers",
  provider_ignored: "On the list of excluded providers",
  human_review_possible: "People may read what is sent",
  human_review_unknown: "Does not say whether people read it",
  confidence_too_low: "The facts are not known well enough",
  review_pending: "Waits for your review of what changed",
  evidence_contradicts: "Its own answers contradict its promise",
  endpoint_elsewhere: "Lies outside of the credential's region",
  not_deployed: "Not among the credential's deployments",
  judging_failed: "Could not be judged, so denied",
  no_credential: "No credential for it here",
  no_adapter: "Its protocol is not served yet",
  operation_unsupported: "Cannot do this operation",
  endpoint_retired: "Was retired",
  context_too_short: "Its context is too short",
  tags_unmatched: "Does not match the tags",
  parameters_unsupported: "Does not support the parameters",
  price_too_high: "Costs more than the request allows",
  circuit_open: "Failed lately and is resting",
  not_preferred: "Not among the request's preferences",
};
/** Reasons that come from circumstances, not from the policy asked. */
export const AVAILABILITY: ReadonlySet<string> = new Set([
  "no_credential", "no_adapter", "operation_unsupported", "endpoint_retired", "context_too_short", "tags_unmatched",
  "parameters_unsupported", "price_too_high", "circuit_open", "not_preferred", "endpoint_elsewhere", "not_deployed",
]);
export const reason = (code: string): string => REASONS[code] ?? code.replaceAll("_", " ");

const OUTCOMES: Record<string, Said> = {
  success: { text: "Answered", tone: "good" },
  no_eligible_endpoint: { text: "Refused by policy", tone: "warn" },
  model_not_found: { text: "Not served here", tone: "warn" },
  rate_limit: { text: "Too many requests", tone: "warn" },
  rate_limited: { text: "Provider was busy", tone: "warn" },
  client_gone: { text: "Caller left", tone: "plain" },
  bad_request: { text: "Bad request", tone: "warn" },
  rejected: { text: "Provider rejected it", tone: "bad" },
  content_refused: { text: "Provider refused the content", tone: "warn" },
  unauthorized: { text: "Provider refused our credential", tone: "bad" },
  upstream_error: { text: "Provider failed", tone: "bad" },
  upstream_timeout: { text: "Provider timed out", tone: "bad" },
  timed_out: { text: "Provider timed out", tone: "bad" },
  server_error: { text: "Provider failed", tone: "bad" },
  overloaded: { text: "Overloaded", tone: "bad" },
  connect_failed: { text: "Could not connect", tone: "bad" },
  interrupted: { text: "Broken off", tone: "bad" },
  bad_response: { text: "Unreadable answer", tone: "bad" },
};
export const outcome = (kind: string): Said => OUTCOMES[kind] ?? { text: sentence(kind), tone: "plain" };

export const sentence = (code: string): string => {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export const LAYERS: Record<string, string> = {
  gateway: "the gateway",
  account: "the account",
  project: "the project",
  key: "the API key",
  request: "the request",
};
export const layers = (names: readonly string[]): string => list(names.map((name) => LAYERS[name] ?? name));

/** One setting as a sentence, whatever layer holds it. */
export function setting(name: string, value: unknown): string {
  const items = Array.isArray(value) ? value.map(String) : [];
  const either = items.length > 1 ? `${items.slice(0, -1).join(", ")} or ${items.at(-1)}` : (items[0] ?? "");
  switch (name) {
    case "training_allowed":
      return value === false ? "Nobody may train on it" : "Training is allowed";
    case "retention_days":
      return value === null ? "Kept for any time" : value === 0 ? "Nothing may be kept" : `Kept for at most ${days(Number(value))}`;
    case "paid_only":
      return value ? "Paid tiers alone" : "Free tiers too";
    case "human_review_allowed":
      return value === false ? "No human may read it" : "People at the provider may read it";
    case "min_confidence":
      return value === "primary" ? "Facts from the provider itself" : value === "secondary" ? "Facts that somebody states" : "Any facts";
    case "flagged_copies":
    case "flagged_copies_counted":
      return value === "counted" || value === true ? "Copies of flagged content count too" : "Copies of flagged content do not count";
    case "certifications":
      return items.length ? `Certified: ${list(items, 20)}` : "No certification asked";
    case "certifications_must_be_named":
      return "A certification must be named";
    case "regions":
      return items.length ? `Processed in ${either} alone` : "No region is allowed";
    case "providers_only":
    case "providers.only":
      return items.length ? `Only ${list(items, 20)}` : "No provider is allowed";
    case "providers_ignore":
    case "providers.ignore":
      return `Never ${list(items, 20)}`;
    case "data_class":
      return `Data class ${Array.isArray(value) ? items.join(" and ") : String(value)}`;
    default:
      return `${sentence(name)}: ${String(value)}`;
  }
}

/** Settings in the form of a request's `data_policy`, as sentences. */
export function settingsOf(policy: unknown): string[] {
  const found: string[] = [];
  for (const [name, value] of Object.entries((policy ?? {}) as Record<string, unknown>)) {
    if (name === "providers") {
      for (const [inner, one] of Object.entries(value as Record<string, unknown>)) found.push(setting(`providers.${inner}`, one));
    } else found.push(setting(name, value));
  }
  return found;
}

const CHANGES: Record<string, string> = {
  settings: "changed privacy settings",
  usage_days: "changed how long usage rows are kept",
  ranking: "changed whether the account takes part in the ranking of models",
  key_made: "made an API key",
  key_rotated: "rotated an API key",
  key_changed: "changed an API key's limits",
  key_revoked: "revoked an API key",
  usage_exported: "exported usage",
  exposure_exported: "exported the exposure ledger",
  credential_added: "brought a provider's key",
  credential_replaced: "replaced a provider's key",
  credential_revoked: "revoked a provider's key",
  agreements: "changed what is signed for a credential",
  member_invited: "invited a member",
  invitation_taken: "took an invitation",
  invitation_withdrawn: "withdrew an invitation",
  member_added: "added a member",
  member_joined: "joined through the sign-in service",
  member_changed: "changed a role",
  member_removed: "removed a member",
  project_added: "made a project",
  account_added: "made the account",
  account_exported: "took along all that is held",
  account_deleted: "deleted an account",
  review_accepted: "accepted changes of the catalogue",
  review_settings: "changed how the account reviews",
  reviewed: "reviewed the settings",
  webhook: "made a webhook",
  webhook_removed: "removed the webhook",
  catalogue: "updated the catalogue",
  log_recipient_added: "added a reader of the sealed log",
  log_recipient_removed: "removed a reader of the sealed log",
  log_rule: "changed what the sealed log keeps",
  logs_off: "switched the sealed log off",
  logs_deleted: "deleted from the sealed log",
  request_answered: "answered a privacy request",
  request_status: "changed the status of a privacy request",
  request_closed: "closed a privacy request",
};
export const change = (what: string): string => CHANGES[what] ?? sentence(what).toLowerCase();

const DELIVERIES: Record<string, string> = {
  sent: "Arrived",
  not_wanted: "Nobody wanted it any more",
  gone: "The address says that it is gone",
  not_taken: "The address did not take it",
  address_refused: "The address leads to a network that is not allowed",
  address_unusable: "The address cannot be used",
  plain_http: "The address is not https",
  timed_out: "No answer in time",
  unknown_host: "There is no such host",
  tls_failed: "The certificate was refused",
  refused: "Nobody listens there",
  no_root_key: "The secret is sealed under a root key that is not here",
  mail_sign_in_refused: "The mail server refused our password",
  mail_recipient_refused: "The mail server refused the recipient",
};
/** How an e-mail or a webhook went out, or what stood in the way last. */
export const delivery = (code: string | null): string => (code === null ? "Not tried yet" : (DELIVERIES[code] ?? sentence(code)));
