import { describe, expect, it } from "vitest";
import type { LoggedEntry, NamedInLog } from "../api/schema";
import { titleOf, valuesIn } from "./audit";

const PERSON = `log_${"a".repeat(24)}`;
const KEY = `log_${"b".repeat(24)}`;
const GONE = `log_${"c".repeat(24)}`;
const names: Record<string, NamedInLog> = { [PERSON]: { kind: "person", id: "per_1", name: "Ada" }, [KEY]: { kind: "key", id: "key_1", name: null } };
const entry = (kind: string, values: object, text = JSON.stringify({ account: GONE, at: 5, id: "x", kind, ...values })): LoggedEntry => ({ position: 7, kind, at: 0.005, decision: null, entry: text });

describe("an entry of the audit log", () => {
  it("is called by what was done", () => {
    expect(titleOf(entry("key_revoked", {}))).toBe("API key revoked");
    expect(titleOf(entry("action", { what: "exposure_exported" }))).toBe("Exported the exposure ledger");
    expect(titleOf(entry("request", { outcome: "success" }))).toMatch(/^Request: /);
    expect(titleOf(entry("some_new_kind", {}))).toBe("Some new kind");
  });
  it("names whom its random ids stand for, as long as that is known", () => {
    expect(valuesIn(entry("action", { what: "settings", person: PERSON, key: KEY, subject: GONE }), names)).toEqual(["person: Ada", "key: key_1", "subject: somebody who is not known any more"]);
  });
  it("says its single values, and leaves lists to the entry itself", () => {
    expect(valuesIn(entry("request", { model: "a/b", attempts: 1, streamed: false, host: null, sent: [1], copy_until: 86400000 }), names)).toEqual(["model: a/b", "attempts: 1", "streamed: false", "copy until: 1970-01-02T00:00:00.000Z"]);
  });
  it("is shown though somebody changed it", () => {
    const broken = entry("unreadable", {}, '{"acc');
    expect(titleOf(broken)).toMatch(/^Cannot be read/);
    expect(valuesIn(broken, names)).toEqual([]);
  });
});
