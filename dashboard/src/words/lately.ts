// What in the catalogue is new, about to run out, contradicted or leaving.

import type { EndpointRow, ProviderRow } from "../api/schema";

const SOON_DAYS = 30;

interface Expiring {
  provider: string;
  until: string | null;
  endpoints: number;
  expired: boolean;
}

export interface LatelyFound {
  stated: ProviderRow[];
  contradicted: EndpointRow[];
  expiring: Expiring[];
  leaving: EndpointRow[];
}

/** `now` is the reader's; only days count. */
export function lately(endpoints: readonly EndpointRow[], providers: readonly ProviderRow[], now: Date): LatelyFound {
  const soon = new Date(now.getTime() + SOON_DAYS * 86_400_000).toISOString().slice(0, 10);
  const expiring = new Map<string, Expiring>();
  for (const { provider, data_policy: policy } of endpoints) {
    if (policy === null || !(policy.expired || (policy.valid_until !== null && policy.valid_until <= soon))) continue;
    const before = expiring.get(provider);
    expiring.set(provider, {
      provider,
      until: [before?.until, policy.valid_until].filter((one): one is string => Boolean(one)).sort()[0] ?? null,
      endpoints: (before?.endpoints ?? 0) + 1,
      expired: (before?.expired ?? false) || policy.expired,
    });
  }
  return {
    stated: providers.filter((row) => row.provenance.source_date).sort((one, other) => ((one.provenance.source_date ?? "") < (other.provenance.source_date ?? "") ? 1 : -1)),
    contradicted: endpoints.filter((row) => (row.data_policy?.contradictions.length ?? 0) > 0),
    expiring: [...expiring.values()].sort((one, other) => ((one.until ?? "") < (other.until ?? "") ? -1 : 1)),
    leaving: endpoints.filter((row) => row.status === "retired" || row.status === "deprecated").sort((one, other) => one.model.localeCompare(other.model)),
  };
}
