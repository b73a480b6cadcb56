// Calls of the control API, typed by its own description (openapi.json). Sends what the page must send with every change.

import type { paths } from "./schema";

export type Method = "get" | "post" | "put" | "delete";
type Body<O> = O extends { requestBody: { content: { "application/json": infer B } } } ? B : undefined;
type Content<R> = R extends { content: { "application/json": infer T } } ? T : never;
export type Result<O> = O extends { responses: infer R }
  ? R extends { 200: infer A } ? Content<A> : R extends { 201: infer A } ? Content<A> : never
  : never;
type Values = Record<string, string | number | boolean | undefined>;

export interface Asked<O> {
  path?: Record<string, string>;
  query?: Values;
  body?: Body<O>;
  signal?: AbortSignal;
}

/** An answer that is no success: what the server says of it, in words for people. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly field?: string,
    readonly kind?: string,
  ) {
    super(message);
    this.name = "Problem";
  }
}

const CSRF = "x-csrf-token";
let csrf = "";
let who = "";

/** What `GET /api/session` said must go with every change, and whose session that is. */
export function setCsrf(me: { csrf: string; person: string } | null): void {
  csrf = me?.csrf ?? "";
  who = me?.person ?? "";
}

/** Takes over the session that this browser has by now, if it is still the same person's: they signed in again on another page. */
async function again(): Promise<void> {
  const found = await call("get", "/api/session");
  if (found.signed_in?.person !== who) throw new Problem(409, "Somebody else has signed in with this browser. Nothing was changed: load this page again.");
  setCsrf(found.signed_in);
}

export function address(path: string, values: Record<string, string> = {}, query: Values = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) asked.set(name, String(value));
  const text = asked.toString();
  return text ? `${filled}?${text}` : filled;
}

const KEPT = 60;
const kept = new Map<string, { tag: string; found: unknown }>();

/** Keeps what an address answered, for when the server says that it still holds; in memory alone, the newest few. */
function keep(where: string, tag: string | null, found: unknown): void {
  kept.delete(where);
  if (tag === null) return;
  kept.set(where, { tag, found });
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT) break;
    kept.delete(oldest);
  }
}

export const aborted = (error: unknown): boolean => error instanceof DOMException && error.name === "AbortError";

/** An answer, whatever it says; where none comes, a `Problem` in the words `lost`, unless the page itself gave up waiting. */
export async function reach(where: string, init: RequestInit, lost: string): Promise<Response> {
  try {
    return await fetch(where, init);
  } catch (error) {
    throw aborted(error) ? error : new Problem(0, lost);
  }
}

export async function call<P extends keyof paths & string, M extends Method & keyof paths[P]>(
  method: M,
  path: P,
  asked: Asked<paths[P][M]> = {},
  first = true,
): Promise<Result<paths[P][M]>> {
  const headers: Record<string, string> = method === "get" ? {} : { [CSRF]: csrf, "content-type": "application/json" };
  const where = address(path, asked.path, asked.query);
  const known = method === "get" ? kept.get(where) : undefined;
  if (known) headers["if-none-match"] = known.tag;
  const init = { method: method.toUpperCase(), headers, body: asked.body === undefined ? null : JSON.stringify(asked.body), signal: asked.signal ?? null };
  const answer = await reach(where, init, "The gateway does not answer. Is it running?");
  if (answer.status === 304 && known) return known.found as Result<paths[P][M]>;
  const found: unknown = await answer.json().catch(() => null);
  if (answer.ok && method === "get") keep(where, answer.headers.get("etag"), found);
  if (answer.ok) return found as Result<paths[P][M]>;
  const problem = problemOf(answer.status, found);
  if (!first || problem.status !== 403 || problem.field !== CSRF) throw problem;
  await again();
  return call(method, path, asked, false);
}

export function problemOf(status: number, found: unknown): Problem {
  const error = (found as { error?: { message?: unknown; type?: unknown; metadata?: { field?: unknown } } } | null)?.error;
  const message = typeof error?.message === "string" ? error.message : `The gateway answered with status ${status}.`;
  const [field, kind] = [error?.metadata?.field, error?.type].map((value) => (typeof value === "string" ? value : undefined));
  return new Problem(status, message, field, kind);
}
