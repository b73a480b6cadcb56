// Privacy requests in words.

import type { RequestKind, RequestStatus } from "../api/schema";
import type { Said } from "./policy";

export const KINDS: Record<RequestKind, { name: string; help: string }> = {
  question: { name: "A question", help: "Anything about what happens to your data." },
  access: { name: "Access or export", help: "What is held of you or the account. An owner can also take all of it along at once, under What is stored." },
  correction: { name: "Correction", help: "Something that is held is wrong." },
  deletion: { name: "Deletion", help: "Something is to be deleted. An owner can also delete the whole account at once, under What is stored." },
  objection: { name: "Objection", help: "Your data is used in a way that you do not want." },
};

export const STATUS: Record<RequestStatus, Said> = {
  open: { text: "Open", tone: "warn" },
  in_progress: { text: "In progress", tone: "warn" },
  answered: { text: "Answered", tone: "good" },
  closed: { text: "Closed", tone: "plain" },
};

export const LONGEST_WORDS = 4000;

export const finished = (status: RequestStatus): boolean => status === "answered" || status === "closed";
