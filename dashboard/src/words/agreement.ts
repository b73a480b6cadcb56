// What an agreement says, in words; what a form holds of one; and why the gateway cannot use a credential.

import type { Agreement } from "../api/schema";
import { retention, review, training } from "./policy";

/** Each fact that it states, as people say it. */
export function agreed(one: Agreement): string[] {
  return [
    one.training && training(one.training).text,
    one.training_opt_out && "Opted out of training",
    one.retention && retention(one.retention).text,
    one.flagged_retention && `Flagged content: ${retention(one.flagged_retention).text.toLowerCase()}`,
    one.human_review && review(one.human_review).text,
    (one.certifications ?? []).length > 0 && `Covered by ${(one.certifications ?? []).join(", ")}`,
    one.regions && `Processed in ${one.regions.join(", ")}`,
  ].filter((text): text is string => Boolean(text));
}

/** Where it is written, how long it holds and who answers for it. */
export const attested = (one: Agreement): string => `${one.document}, from ${one.valid_from} until ${one.valid_until}, attested by ${one.attested_by}`;

/** Lines of `name=value`; what is no such line is sent as it is, so that the gateway says what is wrong with it. */
export const pairs = (text: string): Record<string, string> =>
  Object.fromEntries(text.split("\n").map((line) => line.trim()).filter(Boolean).map((line) => [line.split("=")[0]?.trim() ?? "", line.split("=").slice(1).join("=").trim()]));

const CANNOT_USE: Record<string, string> = {
  no_root_key: "The gateway has another root key than it was sealed with. Its operator has to give that back.",
  damaged: "The sealed secret does not open. Replace the key.",
  not_served: "The provider's protocol is not served yet.",
  secret_unusable: "The key is not of the form that the provider takes. Replace it.",
  address_unusable: "The provider's address lacks something. Revoke it and bring it again.",
  provider_unknown: "The provider is not in the catalogue any more.",
};
export const cannotUse = (state: string): string => CANNOT_USE[state] ?? state.replaceAll("_", " ");

/** An agreement as a form holds it. */
export interface Draft {
  document: string;
  attestedBy: string;
  from: string;
  until: string;
  retention: string;
  days: number;
  training: boolean;
  review: boolean;
  certifications: string[];
}

const day = (years: number): string => {
  const moment = new Date();
  moment.setUTCFullYear(moment.getUTCFullYear() + years);
  return moment.toISOString().slice(0, 10);
};

export const EMPTY_DRAFT: Draft = { document: "", attestedBy: "", from: day(0), until: day(1), retention: "", days: 30, training: false, review: false, certifications: [] };

/** In the words of `anyapi.toml`; `place` counts those that are there already, so that each has a name of its own. */
export function fieldsOf(draft: Draft, place = 0): Record<string, unknown> {
  return {
    id: `agreement-${place + 1}-${Date.now().toString(36)}`,
    document: draft.document,
    ...(draft.attestedBy ? { attested_by: draft.attestedBy } : {}),
    valid_from: draft.from,
    valid_until: draft.until,
    ...(draft.retention ? { retention: { kind: draft.retention, days: draft.retention === "zero" ? 0 : draft.days } } : {}),
    ...(draft.training ? { training: "never", training_opt_out: true } : {}),
    ...(draft.review ? { human_review: "no" } : {}),
    ...(draft.certifications.length ? { certifications: draft.certifications } : {}),
  };
}
