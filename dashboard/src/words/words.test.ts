import type { Agreement, EndpointRow, ProviderRow } from "../api/schema";
import { agreed, EMPTY_DRAFT, fieldsOf, pairs } from "./agreement";
import { lately } from "./lately";
import { cutter, type Piece, pieceOf } from "./stream";
import { afterEach, describe, expect, it, vi } from "vitest";
import { address, call, problemOf } from "../api/client";
import { begin, pace } from "../api/queries";
import type { UsageTotal } from "../api/schema";
import { about, ago, days, keyLabel, list, money, ordinal, percent, quoted, responseTime, seconds, under } from "./format";
import { retention, setting, settingsOf, training } from "./policy";
import { filled, spanOf, sum, ticks } from "./series";
import { fromPolicy, NOTHING, same, toPolicy } from "./shields";

const total = (label: string, requests: number): UsageTotal => ({
  label, requests, succeeded: requests - 1, prompt_tokens: 10, completion_tokens: 5, cached_tokens: 0, reasoning_tokens: 0, cost: 0.5, unpriced: 1, unmeasured: 0,
});

describe("shields", () => {
  it("ask nothing when nothing is set", () => {
    expect(toPolicy(NOTHING)).toEqual({});
    expect(fromPolicy({})).toEqual(NOTHING);
  });
  it("come back as they went, every field", () => {
    const policy = {
      training_allowed: false, retention_days: 0, flagged_copies: "counted", human_review_allowed: false, paid_only: true,
      min_confidence: "primary", certifications: ["iso27001"], regions: ["de", "eu"], providers: { only: ["a"], ignore: ["b"] }, data_class: ["internal", "public"],
    };
    expect(toPolicy(fromPolicy(policy))).toEqual(policy);
    expect(toPolicy(fromPolicy({ data_class: "regulated" }))).toEqual({ data_class: "regulated" });
  });
  it("keep an empty list apart from none: it allows nothing", () => {
    const shields = fromPolicy({ regions: [], providers: { only: [] } });
    expect(shields.regions).toEqual([]);
    expect(toPolicy(shields)).toEqual({ regions: [], providers: { only: [] } });
    expect(same(shields, NOTHING)).toBe(false);
  });
  it("are the same in any order", () => {
    expect(same({ ...NOTHING, ignore: ["a", "b"] }, { ...NOTHING, ignore: ["b", "a"] })).toBe(true);
  });
});

describe("a span", () => {
  it("has every day, with and without requests", () => {
    const since = Date.UTC(2026, 10, 20, 13) / 1000;
    const points = filled([total("2026-11-21", 4)], since, since + 3 * 86400, "day");
    expect(points.map((point) => [point.label, point.total?.requests ?? 0])).toEqual([
      ["2026-11-20", 0], ["2026-11-21", 4], ["2026-11-22", 0], ["2026-11-23", 0],
    ]);
  });
  it("has every hour, labelled as the API labels it", () => {
    const since = Date.UTC(2026, 10, 20, 22, 30) / 1000;
    expect(filled([], since, since + 7200, "hour").map((point) => point.label)).toEqual([
      "2026-11-20 22:00", "2026-11-20 23:00", "2026-11-21 00:00",
    ]);
  });
  it("falls back to seven days", () => expect(spanOf("nonsense").id).toBe("7d"));
  it("sums", () => expect(sum([total("a", 3), total("b", 1)])).toEqual({ requests: 4, succeeded: 2, tokens: 30, cost: 1, unpriced: 2 }));
  it("has round ticks that cover it", () => {
    for (const most of [1, 3, 7, 19, 100, 12345, 0.0004]) {
      const found = ticks(most);
      expect(found.at(-1)).toBeGreaterThanOrEqual(most);
      expect(found.length).toBeLessThanOrEqual(6);
    }
    expect(ticks(0)).toEqual([0, 1]);
  });
});

describe("words", () => {
  it("money keeps what is small", () => {
    expect([money(0), money(0.00001), money(0.000345), money(0.05), money(12.5), money(null)]).toEqual([
      "$0", "<$0.0001", "$0.00034", "$0.05", "$12.50", "no price",
    ]);
  });
  it("never rounds a failure away", () => {
    expect([percent(999, 1000), percent(1, 2), percent(10, 10), percent(0, 0)]).toEqual(["99.9%", "50%", "100%", "–"]);
  });
  it("times", () => {
    expect([seconds(0.0001), seconds(0.25), seconds(2.5), seconds(null)]).toEqual(["<1 ms", "250 ms", "2.5 s", "–"]);
    expect([days(0), days(0.5), days(1), days(30)]).toEqual(["not at all", "12 hours", "1 day", "30 days"]);
    expect([ago(100, 103), ago(100, 130), ago(0, 7200), ago(0, 86400)]).toEqual(["just now", "30 seconds ago", "2 hours ago", "1 day ago"]);
    expect([1, 2, 3, 4, 11, 12, 13, 21, 22, 103, 111].map(ordinal)).toEqual(["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "103rd", "111th"]);
  });
  it("lists", () => {
    expect([list([]), list(["a"]), list(["a", "b", "c"]), list(["a", "b", "c"], 2)]).toEqual(["nothing", "a", "a, b and c", "a, b and 1 more"]);
  });
  it("an unknown fact never sounds good", () => {
    expect(training("unknown").tone).toBe("warn");
    expect(training("something new").tone).toBe("warn");
    expect(retention({ kind: "something new", days: null, purpose: null }).tone).toBe("warn");
    expect(retention({ kind: "limited", days: null, purpose: null }).tone).toBe("warn");
    expect(retention({ kind: "limited", days: 0, purpose: null }).text).toBe("Keeps nothing");
  });
  it("settings as sentences", () => {
    expect(settingsOf({ training_allowed: false, retention_days: 30, providers: { only: [], ignore: ["x"] } })).toEqual([
      "Nobody may train on it", "Kept for at most 30 days", "No provider is allowed", "Never x",
    ]);
    expect(setting("regions", ["de", "eu"])).toBe("Processed in de or eu alone");
  });
});

describe("live update", () => {
  it("asks for the same span until the hour is over", () => {
    const noon = Date.UTC(2026, 10, 27, 12) / 1000;
    expect([begin(86400, noon), begin(86400, noon + 3599.9), begin(86400, noon + 3600)]).toEqual([noon - 86400, noon - 86400, noon - 82800]);
  });
  it("slows down where answers take long, and stops when it is off", () => {
    expect([pace(5000, 4), pace(5000, 600), pace(false, 600)]).toEqual([5000, 36_000, false]);
  });
});

describe("the client", () => {
  it("escapes what goes into an address, and leaves out what is not given", () => {
    expect(address("/api/accounts/{account}/keys", { account: "a/b" })).toBe("/api/accounts/a%2Fb/keys");
    expect(address("/x", {}, { since: 1, until: undefined })).toBe("/x?since=1");
  });
  it("says what the server says, and something where it says nothing", () => {
    expect(problemOf(400, { error: { message: "No.", type: "bad_request", metadata: { field: "name" } } })).toMatchObject({ message: "No.", field: "name", kind: "bad_request", status: 400 });
    expect(problemOf(502, null).message).toContain("502");
  });
});

describe("a streamed answer", () => {
  it("is read whatever the cuts", () => {
    const sent = 'data: {"choices":[{"delta":{"content":"Grüß "}}]}\r\n\r\ndata:{"choices":[{"delta":{"content":"dich"}}]}\n\n: a comment\ndata: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n';
    for (const size of [1, 2, 7, 64, sent.length]) {
      const cut = cutter();
      const pieces: Piece[] = [];
      for (let at = 0; at < sent.length; at += size) for (const data of cut(sent.slice(at, at + size))) pieces.push(pieceOf(data));
      expect(pieces.map((one) => one.text ?? "").join("")).toBe("Grüß dich");
      expect(pieces.map((one) => one.tokens).filter(Boolean)).toEqual([{ prompt: 3, completion: 2 }]);
    }
  });
  it("says when it went wrong", () => {
    expect(pieceOf('{"error":{"message":"The provider broke off."}}')).toEqual({ error: "The provider broke off." });
    expect(pieceOf('{"error":{}}').error).toContain("broken off");
    expect([pieceOf("[DONE]"), pieceOf("{"), pieceOf('{"choices":[{"delta":{"role":"assistant","content":""}}],"usage":null}')]).toEqual([{}, {}, {}]);
  });
  it("may be a refusal", () => expect(pieceOf('{"choices":[{"delta":{"content":null,"refusal":"No."}}]}')).toEqual({ text: "No." }));
});

describe("an agreement", () => {
  const zero = { id: "a", provider: "p", attested_by: "Ada", document: "17", valid_from: "2026-01-01", valid_until: "2027-01-01", retention: { kind: "zero", days: 0 } } as Agreement;
  it("says what it states and nothing else", () => {
    expect(agreed(zero)).toEqual(["Keeps nothing"]);
    expect(agreed({ ...zero, retention: null, training: "never", training_opt_out: true, human_review: "no", certifications: ["hipaa-baa"], regions: ["eu"] })).toEqual([
      "Never trains on it", "Opted out of training", "No human review", "Covered by hipaa-baa", "Processed in eu",
    ]);
  });
  it("is sent in the words of the API, what is not agreed left out", () => {
    const draft = { ...EMPTY_DRAFT, document: "17", from: "2026-01-01", until: "2027-01-01", retention: "limited", days: 7 };
    expect(fieldsOf(draft, 2)).toEqual({ id: expect.stringMatching(/^agreement-3-/), document: "17", valid_from: "2026-01-01", valid_until: "2027-01-01", retention: { kind: "limited", days: 7 } });
    expect(fieldsOf({ ...draft, retention: "zero", training: true, review: true, certifications: ["gdpr-dpa"], attestedBy: "Grace" })).toMatchObject({
      retention: { kind: "zero", days: 0 }, training: "never", training_opt_out: true, human_review: "no", certifications: ["gdpr-dpa"], attested_by: "Grace",
    });
  });
});

describe("deployments", () => {
  it("are pairs, one a line", () => expect(pairs(" gpt-5 = acme \n\nx=a=b\nnonsense")).toEqual({ "gpt-5": "acme", x: "a=b", nonsense: "" }));
});

describe("what changed lately", () => {
  const policy = (valid_until: string | null, expired = false, contradictions: string[] = []) => ({ valid_until, expired, contradictions });
  const row = (provider: string, data_policy: unknown, status = "active") => ({ id: `${provider}/m`, model: "a/m", provider, status, data_policy }) as unknown as EndpointRow;
  const provider = (id: string, source_date: string | null) => ({ id, name: id, provenance: { source_date } }) as unknown as ProviderRow;
  it("counts what runs out within 30 days, the earliest first", () => {
    const rows = [row("a", policy("2027-05-01")), row("b", policy("2026-12-20")), row("b", policy("2026-12-10")), row("c", policy("2026-01-01", true)), row("d", null)];
    expect(lately(rows, [], new Date("2026-11-27T12:00:00Z")).expiring).toEqual([
      { provider: "c", until: "2026-01-01", endpoints: 1, expired: true }, { provider: "b", until: "2026-12-10", endpoints: 2, expired: false },
    ]);
  });
  it("names what leaves and what contradicts itself, and puts dated statements first", () => {
    const found = lately([row("a", policy(null), "deprecated"), row("b", policy(null, false, ["stored"]))], [provider("x", "2026-01"), provider("y", null), provider("z", "2026-09-24")], new Date());
    expect(found.leaving.map((one) => one.provider)).toEqual(["a"]);
    expect(found.contradicted.map((one) => one.provider)).toEqual(["b"]);
    expect(found.stated.map((one) => one.id)).toEqual(["z", "x"]);
  });
});

describe("a live page", () => {
  afterEach(() => vi.unstubAllGlobals());
  it("keeps what it has when the server says that nothing is new", async () => {
    const asked: (string | null)[] = [];
    vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
      const tag = new Headers(init.headers).get("if-none-match");
      asked.push(tag);
      return Promise.resolve(tag === '"1"' ? new Response(null, { status: 304 }) : Response.json({ rows: [asked.length] }, { headers: { etag: '"1"' } }));
    });
    const first = await call("get", "/api/catalogue");
    const again = await call("get", "/api/catalogue");
    expect(again).toBe(first);
    expect(asked).toEqual([null, '"1"']);
  });
});

describe("response times", () => {
  const found = (p50: number | null, p95: number | null) => responseTime({ all: { p50, p95 }, finest: 0.005 });
  it("are no finer than the first bucket", () => {
    expect(found(0.0025, 0.00475)).toEqual({ value: "<5 ms", below: "at least 95% of answers" });
    expect(found(0.0025, 0.2)).toEqual({ value: "<5 ms", below: "half of answers; 95% under 200 ms" });
    expect(found(0.1, 0.2)).toEqual({ value: "100 ms", below: "half are faster; 95% under 200 ms" });
    expect(found(null, null).value).toBe("–");
    expect([under(0.0025, 0.005), under(0.1, 0.005), under(null, 0.005), about(0.0025, 0.005), about(0.1, 0.005), about(undefined)]).toEqual(["5 ms", "100 ms", "–", "<5 ms", "100 ms", "–"]);
  });
});

describe("keys of one name", () => {
  const old = { id: "1", name: "app", prefix: "anyapi_sk_aa" };
  it("are told apart by how they begin", () => {
    expect(keyLabel(old, [old, { id: "2", name: "app", prefix: "anyapi_sk_bb" }])).toBe("app (anyapi_sk_aa…)");
    expect(keyLabel(old, [old, { id: "2", name: "other", prefix: "anyapi_sk_bb" }])).toBe("app");
    expect(keyLabel({ ...old, name: "" }, [old])).toBe("anyapi_sk_aa…");
  });
});

describe("what is copied into a terminal", () => {
  it("is one word of it, whatever stands in the address of the page", () => {
    expect(quoted('{"models":["a"]}')).toBe(`'{"models":["a"]}'`);
    expect(quoted("x'; touch /tmp/y; '")).toBe(String.raw`'x'\''; touch /tmp/y; '\'''`);
  });
});
