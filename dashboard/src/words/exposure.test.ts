import { describe, expect, it } from "vitest";
import type { Exposure, RetentionClock } from "../api/schema";
import { about, holding, isHeld, left, lines, longer } from "./exposure";

const until = (at: number): RetentionClock => ({ kept: "until", days: 1, until: at });
const NOTHING: RetentionClock = { kept: "nothing", days: 0, until: null };
const UNKNOWN: RetentionClock = { kept: "unknown", days: null, until: null };

const entry = (over: Partial<Exposure>): Exposure => ({
  account: "default", app: "shop", key: "key_1", data_class: null, provider: "p", endpoint: "p/one", host: null, requests: 2, first_at: 10, last_at: 20,
  main: until(100), flagged: null, held_requests: 1, held: true, purpose: null, training: "never", grade: "declared", agreements: [], local: false,
  source_url: null, source_date: null, storage_regions: [], ...over,
});

describe("the exposure ledger", () => {
  it("adds up what is alike, and shows the worst of it", () => {
    const found = lines([entry({}), entry({ endpoint: "p/two", main: UNKNOWN, last_at: 50, training: "unknown" }), entry({ app: null })], "app");
    expect(found.map((line) => [line.label, line.requests, line.heldRequests, line.lastAt, line.main.kept, line.mayTrain])).toEqual([
      ["shop", 4, 2, 50, "unknown", true], [null, 2, 1, 20, "until", false],
    ]);
    expect(lines([entry({}), entry({ app: "other" }), entry({ key: "key_2" })], "key").map((line) => [line.label, line.requests])).toEqual([["key_1", 4], ["key_2", 2]]);
  });
  it("never adds up different providers, hosts or classes", () => {
    expect(lines([entry({}), entry({ provider: "q" }), entry({ host: "h" }), entry({ data_class: "internal" })], "app")).toHaveLength(4);
  });
  it("keeps the longer of two clocks of flagged copies", () => {
    expect(lines([entry({ flagged: until(5) }), entry({ flagged: until(9) }), entry({})], "app")[0]?.flagged?.until).toBe(9);
  });
  it("knows which clock runs longer", () => {
    expect(longer(until(5), until(9))).toEqual(until(9));
    expect(longer(until(9), NOTHING)).toEqual(until(9));
    expect(longer(UNKNOWN, until(9))).toBe(UNKNOWN);
    expect(longer({ ...UNKNOWN, kept: "indefinitely" }, UNKNOWN)).toBe(UNKNOWN);
  });
  it("counts down, and says unknown where nobody knows", () => {
    expect([86400 * 29 + 7200, 7260, 125, 0, -5].map(left)).toEqual(["29 days 2 h", "2 h 1 min", "2 min 5 s", "gone", "gone"]);
    expect([86400 * 29 + 7200, 7260, 125, 0].map(about)).toEqual(["29 days", "2 h", "2 min", "gone"]);
    expect(holding(until(100), 40).text).toBe("1 min 0 s left");
    expect(holding(until(100), 100).text).toBe("Should be gone");
    expect(holding(NOTHING, 0).text).toBe("Nothing kept");
    expect(holding(UNKNOWN, 0).text).toBe("Unknown, until further notice");
    expect([until(100), until(10), NOTHING, UNKNOWN].map((clock) => isHeld(clock, 50))).toEqual([true, false, false, true]);
  });
});
