// A span of time cut into hours or days without gaps, and a scale for a chart of it.

import type { UsageTotal } from "../api/schema";

export interface Span {
  id: string;
  label: string;
  seconds: number;
  by: "hour" | "day";
}

export const SPANS: readonly Span[] = [
  { id: "24h", label: "24 hours", seconds: 86400, by: "hour" },
  { id: "7d", label: "7 days", seconds: 7 * 86400, by: "day" },
  { id: "30d", label: "30 days", seconds: 30 * 86400, by: "day" },
  { id: "90d", label: "90 days", seconds: 90 * 86400, by: "day" },
];
export const spanOf = (id: string | null): Span => SPANS.find((span) => span.id === id) ?? (SPANS[1] as Span);

export interface Point {
  label: string;
  at: number;
  total: UsageTotal | null;
}

/** Every hour or day of the span with what happened in it; the API leaves out those in which nothing did. Labels are UTC, as the API's. */
export function filled(rows: readonly UsageTotal[], since: number, until: number, by: "hour" | "day"): Point[] {
  const step = by === "hour" ? 3600 : 86400;
  const found = new Map(rows.map((row) => [row.label, row]));
  const points: Point[] = [];
  for (let at = Math.floor(since / step) * step; at < until; at += step) {
    const text = new Date(at * 1000).toISOString();
    const label = by === "hour" ? `${text.slice(0, 10)} ${text.slice(11, 13)}:00` : text.slice(0, 10);
    points.push({ label, at, total: found.get(label) ?? null });
  }
  return points;
}

/** Round steps from 0 to at least `most`, at most five of them. */
export function ticks(most: number): number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  const found = [0];
  while ((found.at(-1) as number) < most) found.push(Number((step * found.length).toPrecision(6)));
  return found;
}

export interface Sum {
  requests: number;
  succeeded: number;
  tokens: number;
  cost: number;
  unpriced: number;
}

export function sum(rows: readonly UsageTotal[]): Sum {
  const total: Sum = { requests: 0, succeeded: 0, tokens: 0, cost: 0, unpriced: 0 };
  for (const row of rows) {
    total.requests += row.requests;
    total.succeeded += row.succeeded;
    total.tokens += row.prompt_tokens + row.completion_tokens;
    total.cost += row.cost;
    total.unpriced += row.unpriced;
  }
  return total;
}
