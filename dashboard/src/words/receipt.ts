// What a receipt says of a request's ruling: which endpoints were permitted then, on which facts, and why the others were left out.

import type { DecisionRecord } from "../api/schema";
import { AVAILABILITY, type Kept } from "./policy";

export interface Permitted {
  endpoint: string;
  /** Null where only a decision record tells of it, which has no facts. */
  facts: { training: string; kept: Kept; grade: string; source: string | null } | null;
  used: boolean;
}

export interface Ruling {
  requirement: string;
  catalogue: string;
  permitted: Permitted[];
  /** Those that only the policy left out come first: they are what a person looks for. */
  denied: { endpoint: string; codes: string[] }[];
}

const DAY_MS = 86_400_000;

type Fields = Record<string, unknown>;
const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);
const fields = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isFields) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "unknown");

/** The ruling in a receipt; null where it has none. */
export function rulingOf(receipt: unknown): Ruling | null {
  const entries = isFields(receipt) ? fields(receipt.entries).map((item) => item.entry).filter(isFields) : [];
  const ruling = entries.find((entry) => entry.kind === "ruling");
  if (!ruling) return null;
  const used = entries.find((entry) => entry.kind === "request")?.used;
  return {
    requirement: text(ruling.requirement),
    catalogue: text(ruling.catalogue),
    permitted: fields(ruling.permitted).map((each, place) => ({
      endpoint: text(each.endpoint),
      facts: {
        training: text(each.training),
        kept: keptOf(each.retention),
        grade: text(each.grade),
        source: typeof each.source_url === "string" && /^https?:/.test(each.source_url) ? each.source_url : null,
      },
      used: place === used,
    })),
    denied: inOrder(fields(ruling.denied).map((each) => ({ endpoint: text(each.endpoint), codes: Array.isArray(each.reasons) ? each.reasons.map(text) : [] }))),
  };
}

/** The ruling as a decision record has it, for where there is no receipt. */
export const rulingOfRecord = (record: DecisionRecord, used: string | null): Ruling => ({
  requirement: record.requirement,
  catalogue: record.catalogue,
  permitted: record.permitted.map((endpoint) => ({ endpoint, facts: null, used: endpoint === used })),
  denied: inOrder(record.denied.map(([endpoint, codes]) => ({ endpoint, codes }))),
});

function inOrder(denied: Ruling["denied"]): Ruling["denied"] {
  const unusable = ({ codes }: { codes: string[] }) => Number(codes.some((code) => AVAILABILITY.has(code)));
  return denied.sort((one, other) => unusable(one) - unusable(other));
}

/** The log holds no fractions: days are milliseconds there. */
function keptOf(value: unknown): Kept {
  if (!isFields(value)) return { kind: "unknown" };
  return { kind: text(value.kind), days: typeof value.milliseconds === "number" ? value.milliseconds / DAY_MS : null };
}
