// Sealed entries of the prompt log, opened where the identity is: in this page. Nothing here sends anything, or keeps it longer than the page.

import { Decrypter, generateX25519Identity, identityToRecipient } from "age-encryption";

export const IDENTITY = "AGE-SECRET-KEY-1";

export interface Pair {
  identity: string;
  recipient: string;
}

/** What a log's entry says once it is open. `response` is one text where the answer was streamed. */
export interface Entry {
  format: string;
  decision: string;
  account: string;
  at: number;
  operation: string;
  model: string;
  outcome: string;
  prompt: unknown;
  response: unknown;
}

/** A key pair, made by this browser. */
export async function newPair(): Promise<Pair> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** The text of an identity file, as age-keygen writes it. */
export const fileOf = (pair: Pair): string => `# public key: ${pair.recipient}\n${pair.identity}\n`;

/** The identities in the text of an identity file, or in what was pasted. */
export const identitiesIn = (text: string): string[] => text.split(/\s+/).filter((word) => word.toUpperCase().startsWith(IDENTITY));

/** The public keys of the identities in a text; none where one of them is none. */
export async function recipientsOf(text: string): Promise<string[]> {
  try {
    return await Promise.all(identitiesIn(text).map((one) => identityToRecipient(one.toUpperCase())));
  } catch {
    return [];
  }
}

/** Open an age file. Raises an `Error` in words for people, which says nothing of what is in it. */
export async function unseal(sealed: Uint8Array, text: string): Promise<Uint8Array> {
  const found = identitiesIn(text);
  if (found.length === 0) throw new Error(`That is no identity: it begins with ${IDENTITY}.`);
  const decrypter = new Decrypter();
  try {
    for (const one of found) decrypter.addIdentity(one.toUpperCase());
    return await decrypter.decrypt(sealed);
  } catch {
    throw new Error("This does not open with that identity: it is sealed to other keys, or damaged.");
  }
}

/** Open an entry, which must be the one of this decision: the store could have exchanged it for another. */
export async function open(sealed: Uint8Array, text: string, decision: string): Promise<Entry> {
  const plain = await unseal(sealed, text);
  let entry: Entry;
  try {
    entry = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plain)) as Entry;
  } catch {
    throw new Error("What was sealed is no entry of a prompt log.");
  }
  if (entry.format !== "anyapi-log/1") throw new Error("This entry was written by a newer AnyAPI.");
  if (entry.decision !== decision) throw new Error("What was sealed is another request's entry.");
  return entry;
}

/** A prompt or an answer as it is shown: JSON laid out, a stream's text as it came. */
export const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
