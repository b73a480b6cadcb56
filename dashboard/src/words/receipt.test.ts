import { describe, expect, it } from "vitest";
import { rulingOf } from "./receipt";

const item = (entry: unknown) => ({ entry, index: 1, proof: [] });
const RULING = {
  kind: "ruling", requirement: "r1", catalogue: "c1", models: ["m/one"],
  permitted: [
    { endpoint: "a/one", training: "never", retention: { kind: "limited", milliseconds: 2_592_000_000 }, grade: "declared", source_url: "https://a.example/policy" },
    { endpoint: "b/one", training: "never", retention: { kind: "zero" }, grade: "attested" },
  ],
  denied: [
    { endpoint: "d/one", model: "m/one", reasons: ["retention_too_long", "no_credential"] },
    { endpoint: "c/one", model: "m/one", reasons: ["retention_too_long", "training_not_ruled_out"] },
  ],
};

describe("a receipt", () => {
  it("says which endpoints were permitted on which facts, which was used, and why the others were left out", () => {
    const found = rulingOf({ entries: [item({ kind: "request", used: 1 }), item(RULING)] });
    expect(found?.permitted.map((each) => [each.endpoint, each.facts?.kept, each.facts?.source, each.used])).toEqual([
      ["a/one", { kind: "limited", days: 30 }, "https://a.example/policy", false],
      ["b/one", { kind: "zero", days: null }, null, true],
    ]);
    expect(found?.denied).toEqual([
      { endpoint: "c/one", codes: ["retention_too_long", "training_not_ruled_out"] },
      { endpoint: "d/one", codes: ["retention_too_long", "no_credential"] },
    ]);
    expect([found?.requirement, found?.catalogue]).toEqual(["r1", "c1"]);
  });
  it("names no endpoint as used where nothing was sent", () => {
    expect(rulingOf({ entries: [item({ kind: "request" }), item(RULING)] })?.permitted.some((each) => each.used)).toBe(false);
  });
  it("without a ruling says nothing", () => {
    for (const receipt of [null, "x", {}, { entries: 3 }, { entries: [item({ kind: "decision" })] }, { entries: [null, item(null)] }]) expect(rulingOf(receipt)).toBeNull();
  });
  it("takes what is not there as unknown", () => {
    expect(rulingOf({ entries: [item({ kind: "ruling", permitted: [{}, 3], denied: [{}] })] })).toEqual({
      requirement: "unknown", catalogue: "unknown",
      permitted: [{ endpoint: "unknown", facts: { training: "unknown", kept: { kind: "unknown" }, grade: "unknown", source: null }, used: false }],
      denied: [{ endpoint: "unknown", codes: [] }],
    });
  });
});
