// What the pages read: one place for paths, keys and how long an answer is good.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { keyLabel } from "../words/format";
import { call } from "./client";
import type { Thread, UsageGroup } from "./schema";
import { useHere } from "./session";

const MINUTE = 60_000;

/** After a change: all that was read of this account is read again. */
export function useFresh() {
  const client = useQueryClient();
  const { account } = useHere();
  return () => void client.invalidateQueries({ queryKey: [account] });
}

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

/** What each data class stands for here. */
export function useClasses() {
  return useQuery({ queryKey: ["classes"], queryFn: () => call("get", "/api/classes"), staleTime: MINUTE });
}

export function useKeys() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "keys"], queryFn: () => call("get", "/api/accounts/{account}/keys", { path: { account } }) });
}

/** What people call a key; its id where it is not known. */
export function useKeyName(): (id: string) => string {
  const keys = useKeys();
  return (id) => {
    const found = keys.data?.find((key) => key.id === id);
    return found ? keyLabel(found, keys.data ?? []) : id;
  };
}

export function useProjects() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "projects"], queryFn: () => call("get", "/api/accounts/{account}/projects", { path: { account } }) });
}

export function useCredentials() {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "credentials"],
    queryFn: () => call("get", "/api/accounts/{account}/credentials", { path: { account } }),
  });
}

export function useMembers() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "members"], queryFn: () => call("get", "/api/accounts/{account}/members", { path: { account } }) });
}

export function useInvitations() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "invitations"], queryFn: () => call("get", "/api/accounts/{account}/invitations", { path: { account } }) });
}

export function useRequests() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "requests"], queryFn: () => call("get", "/api/accounts/{account}/requests", { path: { account } }), refetchInterval: MINUTE });
}

export function useInbox(enabled: boolean) {
  return useQuery({ queryKey: ["inbox"], queryFn: () => call("get", "/api/gateway/requests"), enabled, refetchInterval: MINUTE });
}

export function useThread(request: string) {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "thread", request],
    queryFn: () => call("get", "/api/accounts/{account}/requests/{request_id}", { path: { account, request_id: request } }),
    refetchInterval: MINUTE / 2,
  });
}

/** Take over a thread as a change left it; the lists that it stands in are read again. */
export function useThreadChanged() {
  const client = useQueryClient();
  const { account } = useHere();
  return (thread: Thread) => {
    client.setQueryData([account, "thread", thread.request.id], thread);
    void client.invalidateQueries({ queryKey: [account, "requests"] });
    void client.invalidateQueries({ queryKey: ["inbox"] });
  };
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

/** Live, but never so that a server with many rows spends more than a sixtieth of its time on this page's question. */
export const pace = (every: number | false, tookMs: number): number | false => every && Math.max(every, 60 * tookMs);

const took = new Map<string, number>();

/**
 * Every span ends now. It begins with the hour that was `seconds` ago: so the chart's first column is whole, the server has its sums ready,
 * and the next question has the same address, which the server may answer with "nothing new".
 */
export const begin = (seconds: number, now = Date.now() / 1000): number => Math.floor((now - seconds) / 3600) * 3600;

/** What usage comes to by a label, read again at a pace that the last answer's time sets. */
function useUsage<T>(what: string, seconds: number, every: number | false, ask: (since: number, signal: AbortSignal) => Promise<T>) {
  const { account } = useHere();
  return useQuery({
    queryKey: [account, "usage", what, seconds],
    queryFn: async ({ signal }) => {
      const began = performance.now();
      const found = await ask(begin(seconds), signal);
      took.set(what, performance.now() - began);
      return found;
    },
    refetchInterval: () => pace(every, took.get(what) ?? 0),
    placeholderData: (before) => before,
  });
}

export function useTotals(by: UsageGroup, seconds: number, every: number | false) {
  const { account } = useHere();
  return useUsage(`totals ${by}`, seconds, every, (since, signal) =>
    call("get", "/api/accounts/{account}/usage/totals", { path: { account }, query: { by, since }, signal }),
  );
}

export function useLatency(by: UsageGroup, seconds: number, every: number | false) {
  const { account } = useHere();
  return useUsage(`latency ${by}`, seconds, every, (since, signal) =>
    call("get", "/api/accounts/{account}/usage/latency", { path: { account }, query: { by, since }, signal }),
  );
}

export function useRows(seconds: number, limit: number, every: number | false) {
  const { account } = useHere();
  return useUsage(`rows ${limit}`, seconds, every, (since, signal) =>
    call("get", "/api/accounts/{account}/usage/rows", { path: { account }, query: { since, limit }, signal }),
  );
}

export function useExposure() {
  const { account } = useHere();
  return useQuery({ queryKey: [account, "exposure"], queryFn: () => call("get", "/api/accounts/{account}/exposure", { path: { account } }), refetchInterval: MINUTE });
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
