// The exposure ledger as people read it: lines that say the same added up, and how long something is held yet.

import type { Exposure, RetentionClock } from "../api/schema";
import { plural } from "./format";
import type { Said } from "./policy";

export type By = "app" | "key";

export interface Line {
  id: string;
  provider: string;
  host: string | null;
  label: string | null;
  dataClass: string | null;
  requests: number;
  heldRequests: number;
  lastAt: number;
  main: RetentionClock;
  flagged: RetentionClock | null;
  mayTrain: boolean;
  local: boolean;
}

const RANK = { nothing: 0, until: 1, indefinitely: 2, unknown: 3 } as const;

/** Of two clocks the one that runs longer; of what nobody knows an end, that. */
export function longer(one: RetentionClock, other: RetentionClock): RetentionClock {
  const by = RANK[one.kept] - RANK[other.kept] || (one.until ?? 0) - (other.until ?? 0);
  return by >= 0 ? one : other;
}

/** One line for each provider, app (or key) and class: endpoints, and keys (or apps), added up, the worst of them shown. */
export function lines(entries: readonly Exposure[], by: By): Line[] {
  const found = new Map<string, Line>();
  for (const one of entries) {
    const label = by === "app" ? one.app : one.key;
    const id = JSON.stringify([one.provider, one.host, label, one.data_class]);
    const line = found.get(id);
    const own: Line = {
      id,
      provider: one.provider,
      host: one.host,
      label,
      dataClass: one.data_class,
      requests: one.requests,
      heldRequests: one.held_requests,
      lastAt: one.last_at,
      main: one.main,
      flagged: one.flagged,
      mayTrain: one.training !== "never",
      local: one.local,
    };
    found.set(id, line ? joined(line, own) : own);
  }
  return [...found.values()];
}

function joined(line: Line, other: Line): Line {
  return {
    ...line,
    requests: line.requests + other.requests,
    heldRequests: line.heldRequests + other.heldRequests,
    lastAt: Math.max(line.lastAt, other.lastAt),
    main: longer(line.main, other.main),
    flagged: line.flagged && other.flagged ? longer(line.flagged, other.flagged) : (line.flagged ?? other.flagged),
    mayTrain: line.mayTrain || other.mayTrain,
    local: line.local && other.local,
  };
}

export const isHeld = (clock: RetentionClock, now: number): boolean => clock.kept !== "nothing" && (clock.until === null || now < clock.until);

/** How long something is held yet, in its two largest units. */
export function left(seconds: number): string {
  if (seconds <= 0) return "gone";
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor((seconds % 86400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (days > 0) return `${plural(days, "day")} ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return `${minutes} min ${Math.floor(seconds % 60)} s`;
}

/** The same in the larger unit alone, where there is little room. */
export const about = (seconds: number): string => left(seconds).split(" ").slice(0, 2).join(" ");

/** Whether, and how long yet, a provider holds what it was sent. */
export function holding(clock: RetentionClock, now: number): Said {
  if (clock.kept === "nothing") return { text: "Nothing kept", tone: "good" };
  if (clock.kept === "indefinitely") return { text: "Until further notice", tone: "bad" };
  if (clock.kept === "unknown" || clock.until === null) return { text: "Unknown, until further notice", tone: "bad" };
  if (now >= clock.until) return { text: "Should be gone", tone: "good" };
  return { text: `${left(clock.until - now)} left`, tone: "warn" };
}
