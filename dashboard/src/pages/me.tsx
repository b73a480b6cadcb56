// One's own person: password, signing out.

import { Button, Group, PasswordInput, Stack } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { call } from "../api/client";
import { useHere, useSignedIn } from "../api/session";
import { Chip, Failed, Note, Page, Panel, sent } from "../parts/parts";

export default function Me() {
  const { me } = useHere();
  const signedIn = useSignedIn();
  const [, go] = useLocation();
  const [current, setCurrent] = useState("");
  const [fresh, setFresh] = useState("");
  const change = useMutation({
    mutationFn: () => call("post", "/api/session/password", { body: { current, new: fresh } }),
    onSuccess: (now) => {
      signedIn(now);
      setCurrent("");
      setFresh("");
    },
  });
  const leave = useMutation({
    mutationFn: (everywhere: boolean) => call("delete", "/api/session", { query: { everywhere } }),
    onSuccess: () => {
      go("/", { replace: true });
      signedIn(null);
    },
  });
  return (
    <Page title="You" lead="How you sign in, and where.">
      <div className="grid two">
        <Panel title="Who you are">
          <dl className="facts">
            <dt>Name</dt>
            <dd>{me.name}</dd>
            <dt>E-mail address</dt>
            <dd>{me.email}</dd>
            <dt>Roles</dt>
            <dd className="chips">
              {me.operator && <Chip tone="good">operator of this gateway</Chip>}
              {Object.entries(me.accounts).map(([account, role]) => (
                <Chip key={account}>
                  {role} of {account}
                </Chip>
              ))}
            </dd>
          </dl>
          <Group mt="lg">
            <Button variant="default" onClick={() => leave.mutate(false)}>
              Sign out
            </Button>
            <Button variant="default" onClick={() => leave.mutate(true)}>
              Sign out everywhere
            </Button>
          </Group>
          {leave.error && <Failed error={leave.error} />}
        </Panel>
        <Panel title="Change your password">
          <form onSubmit={sent(() => change.mutate())}>
            <Stack>
              {change.error && <Failed error={change.error} />}
              {change.isSuccess && (
                <Note tone="good" live>
                  Changed. Every other browser was signed out.
                </Note>
              )}
              <PasswordInput label="Current password" autoComplete="current-password" required withAsterisk={false} value={current} onChange={(event) => setCurrent(event.currentTarget.value)} />
              <PasswordInput label="New password" description="At least 12 characters. All sessions end, and this one begins again." autoComplete="new-password" required withAsterisk={false} minLength={12} value={fresh} onChange={(event) => setFresh(event.currentTarget.value)} />
              <Group>
                <Button type="submit" loading={change.isPending}>
                  Change it
                </Button>
              </Group>
            </Stack>
          </form>
        </Panel>
      </div>
    </Page>
  );
}
