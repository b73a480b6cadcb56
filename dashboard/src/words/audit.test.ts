import { describe, expect, it } from "vitest";
import type { LoggedEntry, NamedInLog } from "../api/schema";
import { saidBy } from "./audit";

const PERSON = `log_${"a".repeat(24)}`;
const KEY = `log_${"b".repeat(24)}`;
const GONE = `log_${"c".repeat(24)}`;
const names: Record<string, NamedInLog> = { [PERSON]: { kind: "person", id: "per_1", name: "Ada" }, [KEY]: { kind: "key", id: "key_1", name: null } };
const entry = (kind: string, values: object, text = JSON.stringify({ account: GONE, at: 5, id: "x", kind, ...values })): LoggedEntry => ({ position: 7, kind, at: 0.005, decision: null, entry: text });

describe("an entry of the audit log", () => {
  it("is called by what was done", () => {
    expect(saidBy(entry("key_revoked", {}), names).title).toBe("API key revoked");
    expect(saidBy(entry("action", { what: "exposure_exported" }), names).title).toBe("Exported the exposure ledger");
    expect(saidBy(entry("request", { outcome: "success" }), names).title).toMatch(/^Request: /);
    expect(saidBy(entry("some_new_kind", {}), names).title).toBe("Some new kind");
  });
  it("names whom its random ids stand for, as long as that is known", () => {
    expect(saidBy(entry("action", { what: "settings", person: PERSON, key: KEY, subject: GONE }), names).values).toEqual(["person: Ada", "key: key_1", "subject: somebody who is not known any more"]);
  });
  it("says its single values, and leaves lists to the entry itself", () => {
    expect(saidBy(entry("request", { model: "a/b", attempts: 1, streamed: false, host: null, sent: [1], copy_until: 86400000 }), names).values).toEqual(["model: a/b", "attempts: 1", "streamed: false", "copy until: 1970-01-02T00:00:00.000Z"]);
  });
  it("is shown though somebody changed it", () => {
    const broken = entry("unreadable", {}, '{"acc');
    expect(saidBy(broken, names).title).toMatch(/^Cannot be read/);
    expect(saidBy(broken, names).values).toEqual([]);
  });
});
