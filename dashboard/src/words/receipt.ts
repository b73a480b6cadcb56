// What a receipt says of the decision: which endpoints were permitted, and why the others were not.

import { AVAILABILITY } from "./policy";

export interface Ruling {
  permitted: string[];
  /** Those that only the policy left out come first: they are what a person looks for. */
  denied: { endpoint: string; reasons: string[] }[];
}

interface Entry {
  kind?: string;
  permitted?: { endpoint: string }[];
  denied?: { endpoint: string; reasons: string[] }[];
}

/** Null where the receipt has none: the request ended before anything was decided. */
export function rulingOf(receipt: unknown): Ruling | null {
  const entries = (receipt as { entries?: { entry: Entry }[] } | undefined)?.entries ?? [];
  const found = entries.find(({ entry }) => entry.kind === "ruling")?.entry;
  if (found === undefined) return null;
  const unusable = ({ reasons }: { reasons: string[] }) => Number(reasons.some((code) => AVAILABILITY.has(code)));
  return {
    permitted: (found.permitted ?? []).map(({ endpoint }) => endpoint),
    denied: [...(found.denied ?? [])].sort((one, other) => unusable(one) - unusable(other)),
  };
}
