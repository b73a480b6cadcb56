import { describe, expect, it } from "vitest";
import type { ShownClass, Side } from "../api/schema";
import { keeps } from "./policy";
import { askers, cheapest, type Own, stands } from "./preview";

const side = (cheapest: number | null, cheapest_listed: number | null) => ({ cheapest, cheapest_listed }) as Side;

describe("the cheapest answer", () => {
  it("is of what can be used here", () => {
    expect(cheapest(side(15, 0.05), side(15, 0.3))).toBe("With the credentials that are here, the cheapest answer stays at $15.00 for a million tokens in and a million out.");
    expect(cheapest(side(15, 0.05), side(18, 0.3))).toContain("goes from $15.00 to $18.00");
  });
  it("is by the catalogue's prices only where nothing can be used, and says so", () => {
    const said = cheapest(side(null, 0.05), side(null, 0.3));
    expect(said).toContain("no chat model with a price can be used. By the catalogue's prices, the cheapest answer that is allowed goes from $0.05 to $0.30");
    expect(cheapest(side(15, 0.05), side(null, 0.3))).toContain("then none with a price could be had. By the catalogue's prices, the cheapest that would be allowed costs $0.30.");
    expect(cheapest(side(15, 0.05), side(null, null))).toContain("None with a price would be allowed.");
    expect(cheapest(side(null, 0.3), side(15, 0.05))).toContain("none with a price can be had now; then the cheapest answer costs $15.00");
  });
});

const internal: ShownClass = { data_class: "internal", data_policy: { training_allowed: false, retention_days: 3, providers: { ignore: ["b"] } }, durable_record: false };
const own = (policy: Record<string, unknown>): Own => ({ layer: "account", policy, classes: [internal] });

describe("a data class", () => {
  it("stands for what the operator made of it", () => {
    expect(stands(internal)).toBe("Nobody may train on it; kept for at most 3 days; never b");
    expect(stands({ data_class: "public", data_policy: {}, durable_record: false })).toBe("Nothing is asked");
    expect(stands({ ...internal, data_policy: { retention_days: 0 }, durable_record: true })).toBe("Nothing may be kept; each decision is on disk before anything is sent");
  });
  it("is named as who asks, where the layer does not ask it itself", () => {
    const training = { setting: "training_allowed", value: false, layers: ["account" as const] };
    const days = { setting: "retention_days", value: 3, layers: ["account" as const] };
    expect(askers(training, own({ data_class: "internal" }))).toBe("data class internal (account)");
    expect(askers(training, own({ data_class: "internal", training_allowed: false }))).toBe("the account");
    expect(askers(days, own({ data_class: "internal", retention_days: 90 }))).toBe("data class internal (account)");
    expect(askers({ ...days, value: 1 }, own({ data_class: "internal", retention_days: 1 }))).toBe("the account");
    expect(askers({ ...days, layers: ["gateway", "account"] }, own({ data_class: "internal" }))).toBe("the gateway and data class internal (account)");
    expect(askers({ ...days, layers: ["gateway"] }, own({ data_class: "internal" }))).toBe("the gateway");
    expect(askers({ setting: "providers.ignore", value: ["a", "b"], layers: ["account"] }, own({ data_class: "internal", providers: { ignore: ["a"] } }))).toBe("the account and data class internal (account)");
  });
});

describe("what is kept of flagged content", () => {
  const limited = (days: number | null) => ({ kind: "limited", days, purpose: null });
  const kept = (retention: { kind: string; days: number | null }, flagged: { kind: string; days: number | null } | null) => keeps({ retention, flagged });
  it("is said where it is kept longer", () => {
    expect(kept(limited(30), limited(730)).text).toBe("Kept 30 days, flagged 2 years");
    expect(kept(limited(30), limited(30)).text).toBe("Kept 30 days");
    expect(kept(limited(30), null).text).toBe("Kept 30 days");
    expect(kept(limited(30), { kind: "indefinite", days: null }).text).toBe("Kept 30 days, flagged with no end");
    expect(kept({ kind: "zero", days: null }, limited(30))).toEqual({ text: "Keeps nothing, flagged 30 days", tone: "plain" });
    expect(kept({ kind: "zero", days: null }, { kind: "zero", days: null })).toEqual({ text: "Keeps nothing", tone: "good" });
  });
});
