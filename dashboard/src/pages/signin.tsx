// The entrance: the operator's sign-in service, if there is one, and e-mail address with password.

import { Button, Divider, PasswordInput, Stack, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { call } from "../api/client";
import { useSignedIn } from "../api/session";
import { CodeBlock, Failed, sent } from "../parts/parts";
import { Brand, Theme } from "../parts/shell";

export function Entrance({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · AnyAPI`;
  }, [title]);
  return (
    <div className="entrance">
      <main>
        <div style={{ display: "flex", justifyContent: "space-between", alignItems: "center", marginBottom: 16 }}>
          <Brand />
          <Theme />
        </div>
        <div className="panel">
          <Title order={1} mb="md">
            {title}
          </Title>
          {children}
        </div>
        <p className="small dim" style={{ textAlign: "center" }}>
          A gateway to AI providers that sends a request only where its data policy allows, and stores no prompt and no answer.{" "}
          <a href="/privacy">What it stores, its operator's privacy policy and terms.</a>
        </p>
      </main>
    </div>
  );
}

/** Why the way through the sign-in service ended here: the codes of `control/sign_in.py`. */
const PROBLEMS: Record<string, string> = {
  first_run: "Nobody is known here yet: the first person comes in with the one-time link.",
  unverified: "The sign-in service does not say that your e-mail address is yours. Have it verified there, then try again.",
  not_a_member: "You are known there, but belong to no account here. An owner of your organization can send you a link.",
  another_person: "Somebody else signed in with this e-mail address before. Ask the operator of this gateway.",
  cancelled: "You did not go on at the sign-in service. Nothing has happened.",
  again: "This sign-in was begun in another window, used already or too old. Begin again, in this window.",
  slow: "Too many failed attempts. Try again in a few minutes.",
  unavailable: "The sign-in service does not answer as it should. Try again; if it goes on, tell the operator of this gateway.",
};
const FAILED = "The sign-in service could not show who you are. Try again; the gateway's log says which check failed.";

export function SignIn({ firstRun, service }: { firstRun: boolean; service: string | null }) {
  const problem = new URLSearchParams(window.location.search).get("problem");
  const signedIn = useSignedIn();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const enter = useMutation({ mutationFn: () => call("post", "/api/session", { body: { email, password } }), onSuccess: signedIn });
  if (firstRun)
    return (
      <Entrance title="Nobody is known here yet">
        <p>
          The first person signs in with a one-time link. The gateway printed it when it started (<code>anyapi serve</code>, or <code>make run</code> for the demo). For <code>anyapi serve</code> this prints a new one:
        </p>
        <CodeBlock text="anyapi people first-run" what="the command" />
        <p className="small dim">Run it on the machine of the gateway, as the user who runs it and with its configuration. Whoever opens the link becomes its operator; there is no default password.</p>
      </Entrance>
    );
  return (
    <Entrance title="Sign in">
      <form onSubmit={sent(() => enter.mutate())}>
        <Stack gap="md">
          {problem !== null && !enter.error && <Failed error={new Error(Object.hasOwn(PROBLEMS, problem) ? PROBLEMS[problem] : FAILED)} />}
          {enter.error && <Failed error={enter.error} />}
          {service !== null && (
            <>
              <Button component="a" href="/api/session/oidc" variant="default">
                Continue with {service}
              </Button>
              <Divider label="or" />
            </>
          )}
          <TextInput label="E-mail address" type="email" autoComplete="username" required withAsterisk={false} autoFocus={service === null} value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
          <PasswordInput label="Password" autoComplete="current-password" required withAsterisk={false} value={password} onChange={(event) => setPassword(event.currentTarget.value)} visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }} />
          <Button type="submit" loading={enter.isPending}>
            Sign in
          </Button>
        </Stack>
      </form>
      <p className="small dim" style={{ marginBottom: 0 }}>
        No way in? An owner of your account can send you a link. <a href="/ranking">The ranking of models</a> is for everybody.
      </p>
    </Entrance>
  );
}
