import { describe, expect, it } from "vitest";
import { Encrypter } from "age-encryption";
import { fileOf, identitiesIn, newPair, open, recipientsOf, shown, unseal } from "./seal";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function sealed(recipient: string, what: unknown): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(recipient);
  return encrypter.encrypt(JSON.stringify(what));
}

describe("a seal", () => {
  it("opens with the pair that it was made for, as its file says it", async () => {
    const pair = await newPair();
    const file = fileOf(pair);
    expect(identitiesIn(file)).toEqual([pair.identity]);
    expect(await recipientsOf(file)).toEqual([pair.recipient]);
    const entry = { format: "anyapi-log/1", decision: "dec_1", prompt: { a: "ü" }, response: "data: x" };
    expect(await open(await sealed(pair.recipient, entry), file.toLowerCase(), "dec_1")).toEqual(entry);
    expect([shown(entry.response), shown(entry.prompt)]).toEqual(["data: x", '{\n  "a": "ü"\n}']);
  });
  it("is no other request's, no newer AnyAPI's, and no other thing's", async () => {
    const pair = await newPair();
    const entry = { format: "anyapi-log/1", decision: "dec_1" };
    await expect(open(await sealed(pair.recipient, entry), pair.identity, "dec_2")).rejects.toThrow("another request's");
    await expect(open(await sealed(pair.recipient, { ...entry, format: "anyapi-log/2" }), pair.identity, "dec_1")).rejects.toThrow("newer");
    const encrypter = new Encrypter();
    encrypter.addRecipient(pair.recipient);
    await expect(open(await encrypter.encrypt("secret"), pair.identity, "dec_1")).rejects.toThrow(/^What was sealed is no entry of a prompt log\.$/);
  });
  it("does not open with another pair, nor with what is none", async () => {
    const [mine, other] = [await newPair(), await newPair()];
    const entry = await sealed(mine.recipient, {});
    await expect(unseal(entry, other.identity)).rejects.toThrow("does not open");
    await expect(unseal(entry, "")).rejects.toThrow("no identity");
    await expect(unseal(entry, "AGE-SECRET-KEY-1NONE")).rejects.toThrow(/^This does not open with that identity: it is sealed to other keys, or damaged\.$/);
    expect(await recipientsOf("AGE-SECRET-KEY-1NONE")).toEqual([]);
  });
});

declare const process: { env: Record<string, string | undefined> };
interface Cases {
  identity: string;
  opens: string;
  must_fail: Record<string, string>;
}

/** The file that tests/dashboard/test_seal_cases.py makes, with the cases that Python's implementation refuses. */
const given = process.env["AGE_CASES"];
const files = given ? ((await import(/* @vite-ignore */ "node:fs" as string)) as { readFileSync: (path: string, encoding: string) => string }) : null;

describe.runIf(given)("the files that no implementation may open", () => {
  const { identity, opens, must_fail: cases } = JSON.parse(files?.readFileSync(given ?? "", "utf-8") ?? "{}") as Cases;
  const bytes = (base64: string) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  it("has one that opens", async () => {
    expect(text(await unseal(bytes(opens), identity)).length).toBe(150_002);
    expect(Object.keys(cases).length).toBeGreaterThan(50);
  });
  it.each(Object.keys(cases ?? {}))("%s", async (name) => {
    await expect(unseal(bytes(cases[name] ?? ""), identity)).rejects.toThrow("does not open");
  });
});
