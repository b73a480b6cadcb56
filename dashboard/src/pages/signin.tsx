// The entrance: e-mail address and password.

import { Button, PasswordInput, Stack, TextInput, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { call } from "../api/client";
import { useSignedIn } from "../api/session";
import { CodeBlock, Failed } from "../parts/parts";
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
          A gateway to AI providers that sends a request only where its data policy allows, and stores no prompt and no answer.
        </p>
      </main>
    </div>
  );
}

export function SignIn({ firstRun }: { firstRun: boolean }) {
  const signedIn = useSignedIn();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const enter = useMutation({ mutationFn: () => call("post", "/api/session", { body: { email, password } }), onSuccess: signedIn });
  if (firstRun)
    return (
      <Entrance title="Nobody is known here yet">
        <p>
          The first person signs in with a one-time link. <code>anyapi serve</code> printed it when it started; this prints a new one:
        </p>
        <CodeBlock text="anyapi people first-run" what="the command" />
        <p className="small dim">Run it on the machine of the gateway. Whoever opens the link becomes its operator; there is no default password.</p>
      </Entrance>
    );
  return (
    <Entrance title="Sign in">
      <form
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          enter.mutate();
        }}
      >
        <Stack gap="md">
          {enter.error && <Failed error={enter.error} />}
          <TextInput label="E-mail address" type="email" autoComplete="username" required withAsterisk={false} autoFocus value={email} onChange={(event) => setEmail(event.currentTarget.value)} />
          <PasswordInput label="Password" autoComplete="current-password" required withAsterisk={false} value={password} onChange={(event) => setPassword(event.currentTarget.value)} visibilityToggleButtonProps={{ "aria-label": "Show or hide the password" }} />
          <Button type="submit" loading={enter.isPending}>
            Sign in
          </Button>
        </Stack>
      </form>
      <p className="small dim" style={{ marginBottom: 0 }}>
        No way in? An owner of your account can send you a link.
      </p>
    </Entrance>
  );
}
