// What the gateway says that it stores: the list that it makes from the records it writes.

import { useQuery } from "@tanstack/react-query";
import { call } from "./client";

interface Field {
  field: string;
  purpose: string;
}

export interface Stored {
  record: string;
  ttl_days?: number | null;
  note?: string;
  fields: Field[];
}

export interface Inventory {
  content_stored: boolean;
  statement: string;
  outbound: string;
  telemetry: { sent_to_anyone: boolean; to?: string; what?: string; fields?: Field[] };
  memory_scrubbing: { on: boolean };
  policy_url: string | null;
  terms_url: string | null;
  contact: string | null;
  stored: Stored[];
}

export const useInventory = () =>
  useQuery({ queryKey: ["privacy"], queryFn: async () => (await call("get", "/api/privacy")) as unknown as Inventory, staleTime: 60_000 });
