// The frame around every page: where one can go, which account it is, who is signed in.

import { ActionIcon, AppShell, Burger, Select, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { Problem } from "../api/client";
import { useAccounts, useInbox, useNotifications, useRequests } from "../api/queries";
import { useHere } from "../api/session";
import { plural } from "../words/format";
import { finished } from "../words/requests";
import { Icon, type IconName } from "./icon";
import { Chip, Note } from "./parts";

interface Place {
  path: string;
  name: string;
  icon: IconName;
  also?: string[];
}

const PLACES: readonly { name: string; places: readonly Place[] }[] = [
  {
    name: "Use",
    places: [
      { path: "activity", name: "Activity", icon: "activity" },
      { path: "models", name: "Models and providers", icon: "models", also: ["providers", "compare"] },
      { path: "ranking", name: "Ranking", icon: "ranking" },
      { path: "playground", name: "Playground", icon: "send" },
    ],
  },
  {
    name: "Privacy",
    places: [
      { path: "privacy", name: "Privacy settings", icon: "shield" },
      { path: "review", name: "Review", icon: "review" },
      { path: "explain", name: "Explain", icon: "explain" },
      { path: "logs", name: "Sealed logs", icon: "vault" },
      { path: "exposure", name: "Exposure", icon: "clock" },
      { path: "audit", name: "Audit log", icon: "chain" },
      { path: "stored", name: "What is stored", icon: "stored" },
      { path: "requests", name: "Privacy requests", icon: "letter" },
    ],
  },
  {
    name: "Access",
    places: [
      { path: "keys", name: "API keys", icon: "key" },
      { path: "credentials", name: "Credentials", icon: "vault" },
      { path: "members", name: "Members and projects", icon: "people" },
    ],
  },
];

export function Brand() {
  return (
    <span className="brand">
      <img src="/mark.svg" alt="" width={26} height={26} /> AnyAPI
    </span>
  );
}

/** A page for whoever is not signed in. */
export function Outdoors({ children }: { children: ReactNode }) {
  return (
    <main>
      <div className="page" style={{ display: "flex", justifyContent: "space-between", alignItems: "center", paddingBottom: 0 }}>
        <a href="/" aria-label="AnyAPI: sign in" style={{ textDecoration: "none", color: "inherit" }}>
          <Brand />
        </a>
        <Theme />
      </div>
      {children}
    </main>
  );
}

export function Theme() {
  const scheme = useComputedColorScheme("light");
  const { setColorScheme } = useMantineColorScheme();
  const other = scheme === "dark" ? "light" : "dark";
  return (
    <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Switch to ${other} colours`} onClick={() => setColorScheme(other)}>
      <Icon name={scheme === "dark" ? "sun" : "moon"} />
    </ActionIcon>
  );
}

const NEWS_SECONDS = 7 * 86400;

/** Answers of the last week for the account; for the privacy team, what waits. */
function News() {
  const { me } = useHere();
  const answered = (useRequests().data?.requests ?? []).filter((row) => row.status === "answered" && row.changed_at > Date.now() / 1000 - NEWS_SECONDS).length;
  const waiting = (useInbox(me.operator).data ?? []).filter((row) => !finished(row.status)).length;
  if (waiting > 0) return <Chip tone="warn" label={`${waiting} waiting`}>{waiting}</Chip>;
  return answered > 0 ? <Chip tone="good" label={plural(answered, "answer")}>{answered}</Chip> : null;
}

const AGAIN = 3_000;

/** Whether the gateway has stopped answering: what is on the screen is old then. Asks again by itself until it answers. */
function useLost(): boolean {
  const client = useQueryClient();
  const [lost, setLost] = useState(false);
  useEffect(
    () =>
      client.getQueryCache().subscribe((event) => {
        if (event.type !== "updated") return;
        const { action } = event;
        if (action.type === "success") setLost(false);
        else if ((action.type === "failed" || action.type === "error") && action.error instanceof Problem && action.error.status === 0) setLost(true);
      }),
    [client],
  );
  useEffect(() => {
    if (!lost) return;
    const timer = setInterval(() => void client.refetchQueries({ type: "active", predicate: (query) => query.state.status === "error" }), AGAIN);
    return () => clearInterval(timer);
  }, [client, lost]);
  return lost;
}

export function Shell({ children }: { children: ReactNode }) {
  const [open, { toggle, close }] = useDisclosure(false);
  const [location, go] = useLocation();
  const { me, account } = useHere();
  const accounts = useAccounts();
  const unseen = useNotifications().data?.unseen ?? 0;
  const lost = useLost();
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    close();
    // A new page begins at its top, for the eye and for the keyboard.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
    window.scrollTo(0, 0);
  }, [location, close]);
  const base = `/a/${encodeURIComponent(account)}`;
  const here = location.slice(base.length + 1).split("/")[0] ?? "";
  return (
    <AppShell header={{ height: { base: 56, sm: 0 } }} navbar={{ width: 262, breakpoint: "sm", collapsed: { mobile: !open } }}>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <AppShell.Header hiddenFrom="sm" style={{ display: "flex", alignItems: "center", justifyContent: "space-between", padding: "0 14px", background: "var(--panel)" }}>
        <Link href={`${base}/activity`} className="brand">
          <Brand />
        </Link>
        <Burger opened={open} onClick={toggle} size="sm" aria-label={open ? "Close the menu" : "Open the menu"} aria-expanded={open} />
      </AppShell.Header>
      <AppShell.Navbar aria-label="Pages" p="md" style={{ background: "var(--panel)", borderColor: "var(--line)", gap: 14, overflowY: "auto" }}>
        <div style={{ display: "flex", justifyContent: "space-between", alignItems: "center" }}>
          <Link href={`${base}/activity`} className="brand">
            <Brand />
          </Link>
          <Theme />
        </div>
        {(accounts.data?.length ?? 0) > 1 && (
          <Select
            label="Account"
            size="sm"
            allowDeselect={false}
            value={account}
            data={(accounts.data ?? []).map((row) => ({ value: row.id, label: row.name || row.id }))}
            onChange={(next) => next && go(`/a/${encodeURIComponent(next)}/${here || "activity"}`)}
          />
        )}
        {PLACES.map((group) => (
          <div key={group.name} className="nav" role="group" aria-labelledby={`pages-${group.name}`}>
            <span id={`pages-${group.name}`} className="navhead">
              {group.name}
            </span>
            {group.places.map((place) => (
              <Link key={place.path} href={`${base}/${place.path}`} aria-current={here === place.path || place.also?.includes(here) ? "page" : undefined}>
                <Icon name={place.icon} />
                {place.name}
                {place.path === "requests" && <News />}
                {place.path === "review" && unseen > 0 && (
                  <Chip tone="warn" label={`${unseen} unread`}>{unseen}</Chip>
                )}
              </Link>
            ))}
          </div>
        ))}
        <div style={{ marginTop: "auto" }}>
          <p className="small dim" style={{ margin: "0 10px 10px" }}>
            No prompt and no answer is stored, except what you have sealed for yourself.
          </p>
          <div className="nav" style={{ borderTop: "1px solid var(--line)", paddingTop: 10 }}>
            <Link href={`${base}/me`} aria-current={here === "me" ? "page" : undefined}>
              <Icon name="person" />
              <span style={{ minWidth: 0 }}>
                {me.name}
                <span className="small dim" style={{ display: "block" }}>
                  {me.operator ? "operator" : me.accounts[account]}
                </span>
              </span>
            </Link>
          </div>
        </div>
      </AppShell.Navbar>
      <AppShell.Main id="main" ref={main} tabIndex={-1} style={{ outline: "none" }}>
        {lost && (
          <div style={{ padding: "16px 32px 0", maxWidth: 1500, margin: "0 auto" }}>
            <Note tone="bad" live><strong>The gateway does not answer.</strong> What you see is what it said last. Start it again (make run or anyapi serve): the page goes on by itself.</Note>
          </div>
        )}
        {children}
      </AppShell.Main>
    </AppShell>
  );
}
