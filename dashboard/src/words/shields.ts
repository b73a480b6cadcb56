// The privacy settings as a form holds them, and the way there and back to the `data_policy` that the API takes.

export interface Shields {
  noTraining: boolean;
  retention: number | null;
  countFlagged: boolean;
  noReview: boolean;
  paidOnly: boolean;
  confidence: "none" | "secondary" | "primary";
  certifications: string[];
  /** null: anywhere. An empty list allows nothing. */
  regions: string[] | null;
  only: string[] | null;
  ignore: string[];
  dataClasses: string[];
}

export const NOTHING: Shields = {
  noTraining: false,
  retention: null,
  countFlagged: false,
  noReview: false,
  paidOnly: false,
  confidence: "none",
  certifications: [],
  regions: null,
  only: null,
  ignore: [],
  dataClasses: [],
};

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** What the API says a layer asks, as the form holds it. */
export function fromPolicy(policy: Record<string, unknown>): Shields {
  const providers = (policy.providers ?? {}) as Record<string, unknown>;
  const level = policy.min_confidence;
  return {
    noTraining: policy.training_allowed === false,
    retention: typeof policy.retention_days === "number" ? policy.retention_days : null,
    countFlagged: policy.flagged_copies === "counted",
    noReview: policy.human_review_allowed === false,
    paidOnly: policy.paid_only === true,
    confidence: level === "primary" || level === "secondary" ? level : "none",
    certifications: texts(policy.certifications),
    regions: policy.regions === undefined ? null : texts(policy.regions),
    only: providers.only === undefined ? null : texts(providers.only),
    ignore: texts(providers.ignore),
    dataClasses: policy.data_class === undefined ? [] : Array.isArray(policy.data_class) ? texts(policy.data_class) : [String(policy.data_class)],
  };
}

/** What the form holds, as the API takes it: only what asks something. */
export function toPolicy(shields: Shields): Record<string, unknown> {
  const policy: Record<string, unknown> = {};
  const providers: Record<string, unknown> = {};
  if (shields.noTraining) policy.training_allowed = false;
  if (shields.retention !== null) policy.retention_days = shields.retention;
  if (shields.countFlagged) policy.flagged_copies = "counted";
  if (shields.noReview) policy.human_review_allowed = false;
  if (shields.paidOnly) policy.paid_only = true;
  if (shields.confidence !== "none") policy.min_confidence = shields.confidence;
  if (shields.certifications.length) policy.certifications = [...shields.certifications].sort();
  if (shields.regions !== null) policy.regions = [...shields.regions].sort();
  if (shields.only !== null) providers.only = [...shields.only].sort();
  if (shields.ignore.length) providers.ignore = [...shields.ignore].sort();
  if (Object.keys(providers).length) policy.providers = providers;
  const classes = [...shields.dataClasses].sort();
  if (classes.length) policy.data_class = classes.length === 1 ? classes[0] : classes;
  return policy;
}

export const same = (one: Shields, other: Shields): boolean => JSON.stringify(toPolicy(one)) === JSON.stringify(toPolicy(other));
