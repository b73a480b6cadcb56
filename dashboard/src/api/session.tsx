// Who is signed in, and which account the page is about.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { call, setCsrf } from "./client";
import type { Entrance, Me, Permission } from "./schema";

export const SESSION = ["session"] as const;

export function useEntrance() {
  return useQuery<Entrance>({
    queryKey: SESSION,
    queryFn: async () => {
      const found = await call("get", "/api/session");
      setCsrf(found.signed_in);
      return found;
    },
    staleTime: 60_000,
  });
}

/** Take over what a sign-in answered; what was known of anybody else is forgotten. */
export function useSignedIn(): (me: Me | null) => void {
  const client = useQueryClient();
  return (me) => {
    setCsrf(me);
    const before = client.getQueryData<Entrance>(SESSION);
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION[0] });
    client.setQueryData<Entrance>(SESSION, { first_run: false, data_plane_url: before?.data_plane_url ?? "", sign_in_service: before?.sign_in_service ?? null, signed_in: me });
  };
}

export interface Here {
  me: Me;
  account: string;
  dataPlane: string;
  may: (permission: Permission) => boolean;
}

const Context = createContext<Here | null>(null);
export const HereProvider = Context.Provider;

export function useHere(): Here {
  const here = useContext(Context);
  if (here === null) throw new Error("outside of an account");
  return here;
}

export const mayIn = (me: Me, account: string) => (permission: Permission): boolean =>
  me.operator || (me.may[account] ?? []).includes(permission);
