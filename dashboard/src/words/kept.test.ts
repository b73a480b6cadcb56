import { describe, expect, it } from "vitest";
import type { UsageRow } from "../api/schema";
import { costOf, factsOf, RECORDS, rows, wentOf } from "./kept";

const ROW: Required<UsageRow> = {
  decision: "dec_1", at: 1_796_000_000, account: "acme", key: "key_1", operation: "chat_completions", model: "m/one", outcome: "upstream_error", status: 502, source: "estimated",
  tokens: { prompt: 11, completion: 12, cached: 13, reasoning: 14 }, project: "shop", app: { id: "app-id", name: "till", version: "7", user_id: "user-9", session_id: "session-8" },
  provider: "openai", endpoint: "openai/one", credential: "openai#1", data_class: "internal", streamed: true, attempts: 3, duration: 1.5, first_token: 0.25, cost: 0.5,
  host: "azure", evidence: "zdr_confirmed", sent_to: [["first/one", "c"], ["openai/one", "openai#1"]],
};

describe("what is kept of a request", () => {
  it("names every field of its usage row", () => {
    const said = factsOf(ROW, undefined).map(([name, value]) => `${name}: ${value}`).join("\n");
    for (const value of ["dec_1", "acme", "key_1", "Chat completions", "m/one", "Upstream error", "502", "estimated", "11 tokens in", "12 out", "13 of the cache", "14 for reasoning", "shop", "app-id", "till", "7", "user-9", "session-8", "openai/one", "openai#1", "internal", "Streamed: yes", "Attempts: 3", "1.5 s", "250 ms", "$0.50", "azure", "Zdr confirmed", "first/one", "Provider: openai"])
      expect(said).toContain(value);
  });
  it("says what it cost", () => {
    expect(costOf(ROW)).toBe("It cost $0.50, by the catalogue's prices.");
    expect(costOf({ ...ROW, cost: null })).toContain("not known");
    expect(costOf({ ...ROW, provider: null, sent_to: null, cost: 0 })).toBe("It cost nothing: nothing was sent.");
  });
  it("says where it went, and never that somebody got it whom no connection was made to", () => {
    const went = (fields: Partial<UsageRow>) => wentOf({ ...ROW, first_token: null, attempts: 1, sent_to: null, ...fields });
    expect(went({ outcome: "success", first_token: 0.25 })).toBe("It went to openai, and the answer took 1.5 s (the first token 250 ms).");
    expect(went({ outcome: "success", attempts: 2, sent_to: [["first/a/b", "c"], ["openai/one", "d"]] })).toBe("It went to first, then to openai, and the answer took 1.5 s.");
    expect(went({ outcome: "success", attempts: 2, sent_to: [["openai/one", "d"], ["openai/one", "d"]] })).toBe("It went to openai (2 times in all), and the answer took 1.5 s.");
    expect(went({ outcome: "success", attempts: 2 })).toBe("It went to openai, with 1 attempt more that made no connection, and the answer took 1.5 s.");
    expect(went({ outcome: "client_gone" })).toBe("It went to openai, and ended after 1.5 s without a whole answer.");
    expect(went({ attempts: 2, sent_to: [] })).toBe("It was sent to nobody: no connection to openai was made (2 attempts, 1.5 s).");
    expect(costOf({ ...ROW, cost: 0, sent_to: [] })).toBe("It cost nothing: nothing was sent.");
  });
  it("is told of each request by the inventory", () => {
    const stored = [...Object.keys(RECORDS), "people"].map((record) => ({ record, ttl_days: record === "usage" ? 90 : null, note: `note of ${record}`, fields: [{ field: "at", purpose: "" }, { field: "tokens.prompt", purpose: "" }, { field: "app.user_id", purpose: "" }] }));
    const found = rows(stored);
    expect(found.map((one) => one.record)).toEqual(Object.keys(RECORDS));
    expect(found[0]).toEqual({ record: "usage", fields: "At, tokens prompt and app user id.", days: 90, note: "note of usage" });
    expect(found.find((one) => one.record === "audit_request")?.note).toContain("random ids");
    expect(rows([])).toEqual([]);
  });
});
