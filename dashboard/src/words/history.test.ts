import { describe, expect, it } from "vitest";
import { cameTo } from "./history";

describe("what a change came to", () => {
  it("is told with what was there before", () => {
    expect(cameTo({ days: null }, { days: 7 })).toEqual(["usage rows kept for: as long as the operator says → 7 days"]);
    expect(cameTo({ takes_part: true }, { takes_part: false })).toEqual(["takes part: yes → no"]);
    expect(cameTo({ keeps: "prompts", share: 1, ttl_days: 30 }, { keeps: "both", share: 0.25, ttl_days: 30 })).toEqual(["keeps: prompts → prompts and responses", "share of requests: 100% → 25%"]);
    expect(cameTo({ role: "admin" }, { role: "owner" })).toEqual(["role: admin → owner"]);
  });
  it("names a new reader of the sealed log by its public key", () => {
    expect(cameTo(null, { name: "Ann", recipient: "age1xyz" })).toEqual(["name: Ann", "public key: age1xyz"]);
  });
  it("says that a rule is gone, and nothing of what has no words", () => {
    expect(cameTo({ keeps: "both" }, null)).toEqual(["keeps: prompts and responses → none"]);
    expect(cameTo([{ keeps: "both" }], null)).toEqual([]);
    expect(cameTo(null, { limits: { spend_cap: 5 } })).toEqual([]);
  });
});
