// A one-time link: the first person of a new gateway, or somebody invited. The token stands behind the `#`, so no log sees it.

import { Button, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { call } from "../api/client";
import type { Invited } from "../api/schema";
import { useEntrance, useSignedIn } from "../api/session";
import { Failed, Loaded, Note, sent } from "../parts/parts";
import { Entrance, SignIn } from "./signin";

const SHORTEST = 12;

export function Join({ firstRun }: { firstRun: boolean }) {
  const [token] = useState(() => window.location.hash.slice(1));
  const [, go] = useLocation();
  const signedIn = useSignedIn();
  const entrance = useEntrance().data;
  const [known, setKnown] = useState(false);
  const [name, setName] = useState("");
  const [email, setEmail] = useState<string | null>(null);
  const [password, setPassword] = useState("");
  const link = useQuery({
    queryKey: ["link", token],
    queryFn: () => call("get", "/api/links/{token}", { path: { token } }),
    enabled: token !== "",
    staleTime: Number.POSITIVE_INFINITY,
  });
  const address = email ?? link.data?.email ?? "";
  const enter = useMutation({
    mutationFn: () => call("post", "/api/links", { body: { token, name, email: address, password } }),
    onSuccess: (me) => {
      go("/", { replace: true });
      signedIn(me);
    },
  });
  if (token === "" || link.error)
    return (
      <Entrance title="This link does not work">
        <Note tone="warn">{link.error ? link.error.message : "The address holds no token: copy the whole link, with what stands behind the #."}</Note>
        <p>
          {firstRun ? (
            <>
              <code>anyapi people first-run</code> prints a new one.
            </>
          ) : (
            "Ask whoever sent it for a new one. If you have an account already, sign in."
          )}
        </p>
        {!firstRun && (
          <Button variant="default" onClick={() => go("/")}>
            To the sign-in
          </Button>
        )}
      </Entrance>
    );
  const me = entrance?.signed_in;
  if (me && link.data?.kind === "invitation" && me.email === link.data.email) return <Take token={token} found={link.data} />;
  if (known && !me) return <SignIn firstRun={false} service={entrance?.sign_in_service ?? null} />;
  const short = password.length > 0 && password.length < SHORTEST;
  return (
    <Entrance title={link.data?.kind === "invitation" ? `Join ${link.data.account ?? "AnyAPI"}` : "Set up your gateway"}>
      <Loaded read={link}>
        {(found) => (
          <form onSubmit={sent(() => enter.mutate())}>
            <Stack gap="md">
              <p style={{ margin: 0 }} className="dim">
                {found.kind === "invitation"
                  ? `You were invited as ${found.role ?? "member"}. Choose how you sign in.`
                  : "You are the first person here, so you become its operator. Nothing you enter leaves this gateway."}
              </p>
              {enter.error && <Failed error={enter.error} />}
              <TextInput label="Your name" autoComplete="name" required withAsterisk={false} autoFocus value={name} onChange={(event) => setName(event.currentTarget.value)} />
              <TextInput label="E-mail address" description={found.kind === "invitation" ? "What you were invited with, and sign in with. Nothing is sent to it." : "What you sign in with. Nothing is sent to it."} readOnly={found.kind === "invitation"} type="email" autoComplete="username" required withAsterisk={false} value={address} onChange={(event) => setEmail(event.currentTarget.value)} />
              <PasswordInput
                label="Password"
                description={`At least ${SHORTEST} characters. A few words in a row are easy to remember.`}
                autoComplete="new-password"
                required
                withAsterisk={false}
                minLength={SHORTEST}
                value={password}
                error={short ? `${SHORTEST - password.length} more to go` : undefined}
                onChange={(event) => setPassword(event.currentTarget.value)}
                visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }}
              />
              <Button type="submit" loading={enter.isPending} disabled={password.length < SHORTEST || !name.trim() || !address.includes("@")}>
                {found.kind === "invitation" ? "Join" : "Begin"}
              </Button>
              {found.kind === "invitation" && !me && (
                <Button variant="subtle" onClick={() => setKnown(true)}>
                  I am known here already: sign in
                </Button>
              )}
            </Stack>
          </form>
        )}
      </Loaded>
    </Entrance>
  );
}

/** Whoever is signed in as the person who was invited takes it with one click. */
function Take({ token, found }: { token: string; found: Invited }) {
  const [, go] = useLocation();
  const signedIn = useSignedIn();
  const take = useMutation({
    mutationFn: () => call("post", "/api/invitations", { body: { token } }),
    onSuccess: (me) => {
      go(`/a/${encodeURIComponent(found.account ?? "")}/activity`, { replace: true });
      signedIn(me);
    },
  });
  return (
    <Entrance title={`Join ${found.account ?? "AnyAPI"}`}>
      <Stack gap="md">
        <p style={{ margin: 0 }} className="dim">
          You were invited as {found.role ?? "member"}. You sign in as before, as {found.email}.
        </p>
        {take.error && <Failed error={take.error} />}
        <Button loading={take.isPending} onClick={() => take.mutate()}>
          Join
        </Button>
        <Button variant="default" onClick={() => go("/", { replace: true })}>
          Not now
        </Button>
      </Stack>
    </Entrance>
  );
}
