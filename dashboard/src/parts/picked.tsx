// Which endpoints are chosen for comparing: in the page's address, so that a comparison can be kept and sent.

import { Button } from "@mantine/core";
import { Link, useSearchParams } from "wouter";
import type { EndpointRow } from "../api/schema";
import { useHere } from "../api/session";

export function usePicked(): [string[], (id: string) => void] {
  const [search, setSearch] = useSearchParams();
  const picked = search.getAll("e");
  const toggle = (id: string) => {
    const next = picked.includes(id) ? picked.filter((one) => one !== id) : [...picked, id].slice(0, 4);
    setSearch(next.map((one) => ["e", one]), { replace: true });
  };
  return [picked, toggle];
}

/** Names an endpoint among those of all models. */
export const identity = (row: EndpointRow): string => `${row.model}|${row.id}`;

export function CompareButton({ picked }: { picked: readonly string[] }) {
  const { account } = useHere();
  if (picked.length < 2) return <span className="small dim">Tick two to four to compare them.</span>;
  const query = new URLSearchParams(picked.map((one) => ["e", one]));
  return (
    <Button component={Link} href={`/a/${encodeURIComponent(account)}/compare?${query.toString()}`}>
      Compare {picked.length}
    </Button>
  );
}
