// What the pages read: one place for paths, keys and how long an answer is good.

import { useQuery } from "@tanstack/react-query";
import { call } from "./client";
import type { UsageGroup } from "./schema";
import { useHere } from "./session";

const MINUTE = 60_000;

export function useAccounts() {
  return useQuery({ queryKey: ["accounts"], queryFn: () => call("get", "/api/accounts"), staleTime: MINUTE });
}

export function useModels() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "models"], queryFn: () => call("get", "/api/accounts/{account}/models", { path: { account } }), staleTime: MINUTE });
}

export function useProviders() {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "providers"],
    queryFn: () => call("get", "/api/accounts/{account}/providers", { path: { account } }),
    staleTime: MINUTE,
  });
}

export function useProvider(provider: string) {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "provider", provider],
    queryFn: () => call("get", "/api/accounts/{account}/providers/{provider}", { path: { account, provider } }),
    staleTime: MINUTE,
  });
}

export function useCatalogue() {
  return useQuery({ queryKey: ["catalogue"], queryFn: () => call("get", "/api/catalogue"), staleTime: MINUTE });
}

export function useKeys() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "keys"], queryFn: () => call("get", "/api/accounts/{account}/keys", { path: { account } }) });
}

export function useProjects() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "projects"], queryFn: () => call("get", "/api/accounts/{account}/projects", { path: { account } }) });
}

export function useMembers() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "members"], queryFn: () => call("get", "/api/accounts/{account}/members", { path: { account } }) });
}

export function useChanges(gateway: boolean) {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "changes", gateway],
    queryFn: () =>
      gateway
        ? call("get", "/api/gateway/changes", { query: { limit: 20 } })
        : call("get", "/api/accounts/{account}/changes", { path: { account }, query: { limit: 20 } }),
  });
}

const took = new Map<string, number>();

/** Measures an answer, so that the next one can wait accordingly. */
async function timed<T>(name: string, ask: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const found = await ask();
  took.set(name, performance.now() - began);
  return found;
}

/** Live, but never so that a server with many rows spends more than a sixtieth of its time on this page's question. */
export const pace = (every: number | false, tookMs: number): number | false => every && Math.max(every, 60 * tookMs);

/** Every span ends now: `seconds` back from the moment of asking. */
export function useTotals(by: UsageGroup, seconds: number, every: number | false) {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "totals", by, seconds],
    queryFn: ({ signal }) =>
      timed("totals", () => call("get", "/api/accounts/{account}/usage/totals", { path: { account }, query: { by, since: Date.now() / 1000 - seconds }, signal })),
    refetchInterval: () => pace(every, took.get("totals") ?? 0),
    placeholderData: (before) => before,
  });
}

export function useLatency(by: UsageGroup, seconds: number, every: number | false) {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "latency", by, seconds],
    queryFn: ({ signal }) =>
      timed("latency", () => call("get", "/api/accounts/{account}/usage/latency", { path: { account }, query: { by, since: Date.now() / 1000 - seconds }, signal })),
    refetchInterval: () => pace(every, took.get("latency") ?? 0),
    placeholderData: (before) => before,
  });
}

export function useRows(seconds: number, limit: number, every: number | false) {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "rows", seconds, limit],
    queryFn: ({ signal }) =>
      call("get", "/api/accounts/{account}/usage/rows", { path: { account }, query: { since: Date.now() / 1000 - seconds, limit }, signal }),
    refetchInterval: every,
    placeholderData: (before) => before,
  });
}

export function useReview() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "review"], queryFn: () => call("get", "/api/accounts/{account}/review", { path: { account } }) });
}

export function useNotifications() {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "notifications"],
    queryFn: () => call("get", "/api/accounts/{account}/notifications", { path: { account }, query: { limit: 20 } }),
    refetchInterval: MINUTE,
  });
}

export function useDeliveries() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "deliveries"], queryFn: () => call("get", "/api/accounts/{account}/deliveries", { path: { account } }) });
}

/** While accounts are being told of an update, how far that is. */
export function useUpdates() {
  return useQuery({
    queryKey: ["updates"],
    queryFn: () => call("get", "/api/catalogue/updates"),
    refetchInterval: (query) => (query.state.data?.rows.some((row) => row.told_at === null) ? 1000 : MINUTE),
  });
}
