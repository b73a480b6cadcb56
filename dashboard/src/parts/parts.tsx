// Small pieces that every page is made of.

import { ActionIcon, Button, Skeleton, Stack, Title, Tooltip } from "@mantine/core";
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from "react";
import { Problem } from "../api/client";
import { exactTime, time } from "../words/format";
import type { Said, Tone } from "../words/policy";
import { Icon, type IconName } from "./icon";

export function Page({ title, lead, tools, children }: { title: string; lead?: ReactNode; tools?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · AnyAPI`;
  }, [title]);
  return (
    <div className="page">
      <header>
        <div>
          <Title order={1}>{title}</Title>
          {lead && <p>{lead}</p>}
        </div>
        {tools}
      </header>
      {children}
    </div>
  );
}

/** `anchor` is its name for links within the page. */
export function Panel({ title, children, tools, anchor }: { title?: ReactNode; children: ReactNode; tools?: ReactNode; anchor?: string }) {
  const id = useId();
  return (
    <section className="panel" aria-labelledby={title ? id : undefined} id={anchor} tabIndex={anchor === undefined ? undefined : -1}>
      {title && tools ? (
        <div style={{ display: "flex", justifyContent: "space-between", gap: 12, flexWrap: "wrap", marginBottom: 12, alignItems: "center" }}>
          <Title order={2} id={id}>
            {title}
          </Title>
          {tools}
        </div>
      ) : (
        title && (
          <Title order={2} id={id}>
            {title}
          </Title>
        )
      )}
      {children}
    </section>
  );
}

/** One figure, with its name above it and of what it is below. */
export function Tile({ name, value, below }: { name: string; value: string; below: string }) {
  return (
    <section className="panel tile" aria-label={name}>
      <span className="small dim">{name}</span>
      <strong className="num">{value}</strong>
      <span className="small dim">{below}</span>
    </section>
  );
}

export function Chip({ said, tone, label, children }: { said?: Said; tone?: Tone; label?: string; children?: ReactNode }) {
  return <span className={`chip ${said?.tone ?? tone ?? "plain"}`} aria-label={label}>{said?.text ?? children}</span>;
}

/** What sending a form does in place of loading a page. */
export const sent = (act: () => void) => (event: FormEvent) => {
  event.preventDefault();
  act();
};

/** When something was, beside what was; the exact moment for whoever points at it. */
export function Moment({ at }: { at: number }) {
  return (
    <time className="small dim nowrap" dateTime={new Date(at * 1000).toISOString()} title={exactTime(at)}>
      {time(at)}
    </time>
  );
}

/** What is said once a change holds everywhere; the snapshot's number for whoever looks for it. */
export function InForce({ snapshot, said = "Saved" }: { snapshot: number | null; said?: string }) {
  return <span title={snapshot === null ? "On every worker" : `On every worker, by snapshot ${snapshot}`}>{said}, and in force.</span>;
}

const NOTE_ICONS: Record<Tone, IconName> = { good: "check", bad: "warn", warn: "warn", plain: "info" };

export function Note({ tone = "plain", children, live = false }: { tone?: Tone; children: ReactNode; live?: boolean }) {
  return (
    <div className={`note ${tone}`} role={live ? (tone === "bad" ? "alert" : "status") : undefined}>
      <Icon name={NOTE_ICONS[tone]} />
      <div>{children}</div>
    </div>
  );
}

export function Empty({ icon, title, children }: { icon: IconName; title: string; children: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} size={34} />
      <Title order={2}>{title}</Title>
      <div className="dim">{children}</div>
    </div>
  );
}

/** A sentence whose words in backticks are set as code. */
export const coded = (text: string) => text.split("`").map((part, place) => (place % 2 ? <code key={place}>{part}</code> : part));

const ADVICE: Record<number, string> = {
  0: "Start it again (make run or anyapi serve); this page goes on by itself.",
  403: "Ask an owner of the account for a role that allows it.",
  401: "Sign in again.",
  404: "The address may be of another account, or what it names is gone.",
  429: "Wait a little, then try again.",
  500: "Nothing you did is wrong. Look whether it was changed before you repeat it; the log of anyapi serve names the kind of fault.",
  503: "Try again in a moment; the log of anyapi serve says more.",
};

export function Failed({ error, retry }: { error: unknown; retry?: () => void }) {
  const problem = error instanceof Problem ? error : new Problem(500, error instanceof Error ? error.message : "Something went wrong.");
  return (
    <Note tone="bad" live>
      <strong>{coded(problem.message)}</strong> {problem.kind !== "model_not_found" && ADVICE[problem.status]}
      {retry && (
        <div style={{ marginTop: 8 }}>
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        </div>
      )}
    </Note>
  );
}

/** The last question before something that cannot be taken back; the body of a dialog. */
export function Confirm({ change, button, children }: { change: { error: unknown; isPending: boolean; mutate: () => void }; button: string; children: ReactNode }) {
  return (
    <Stack>
      <p style={{ margin: 0 }}>{children}</p>
      {change.error !== null && <Failed error={change.error} />}
      <Button color="red.9" loading={change.isPending} onClick={() => change.mutate()}>{button}</Button>
    </Stack>
  );
}

export function Waiting({ lines = 4 }: { lines?: number }) {
  return (
    <div role="status" aria-label="Loading" style={{ display: "grid", gap: 12 }}>
      {Array.from({ length: lines }, (_, place) => (
        <Skeleton key={place} height={18} width={`${92 - ((place * 17) % 40)}%`} />
      ))}
    </div>
  );
}

interface Read<T> {
  data: T | undefined;
  error: unknown;
  refetch: () => unknown;
}

/** Shows what was read, or that it is being read, or why it could not be and what to do. */
export function Loaded<T>({ read, children, lines = 4 }: { read: Read<T>; children: (data: T) => ReactNode; lines?: number }) {
  if (read.data !== undefined) return <>{children(read.data)}</>;
  if (read.error) return <Failed error={read.error} retry={() => void read.refetch()} />;
  return <Waiting lines={lines} />;
}

export function Copy({ text, what }: { text: string; what: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <Tooltip label={copied ? "Copied" : `Copy ${what}`}>
      <ActionIcon variant="default" size="lg" aria-label={copied ? "Copied" : `Copy ${what}`} onClick={() => void copy()}>
        <Icon name={copied ? "check" : "copy"} size={16} />
      </ActionIcon>
    </Tooltip>
  );
}

export function CodeBlock({ text, what }: { text: string; what: string }) {
  return (
    <div style={{ display: "flex", gap: 8, alignItems: "flex-start" }}>
      <pre className="code" style={{ flex: 1, minWidth: 0 }} tabIndex={0} aria-label={what}>
        {text}
      </pre>
      <Copy text={text} what={what} />
    </div>
  );
}

/** A table that scrolls by itself where it does not fit; reachable by keyboard then. On a phone each row is a card whose cells say what they are. */
export function Table({ label, head, children }: { label: string; head: ReactNode; children: ReactNode }) {
  const table = useRef<HTMLTableElement>(null);
  useEffect(() => {
    const names = [...(table.current?.tHead?.rows[0]?.cells ?? [])].map((cell) => (cell.querySelector(".visually-hidden") ? "" : (cell.textContent ?? "").replace(/[↑↓]/g, "")));
    for (const row of table.current?.tBodies[0]?.rows ?? []) [...row.cells].forEach((cell, place) => { cell.dataset.name = names[place] ?? ""; });
  });
  return (
    <div className="scroll" role="region" aria-label={label} tabIndex={0}>
      <table className="rows cards" ref={table}>
        <thead>
          <tr>{head}</tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  );
}

export interface Order {
  by: string;
  down: boolean;
}

export function SortHead({ by, order, set, children, right = false }: { by: string; order: Order; set: (order: Order) => void; children: ReactNode; right?: boolean }) {
  const mine = order.by === by;
  return (
    <th scope="col" className={right ? "r" : undefined} aria-sort={mine ? (order.down ? "descending" : "ascending") : "none"}>
      <button type="button" className="sort" onClick={() => set({ by, down: mine ? !order.down : false })}>
        {children}
        <span aria-hidden="true">{mine ? (order.down ? "↓" : "↑") : ""}</span>
      </button>
    </th>
  );
}

export function Outside({ href, children }: { href: string; children: ReactNode }) {
  return (
    <a href={href} target="_blank" rel="noreferrer noopener" className="nowrap" style={{ color: "var(--mantine-color-anchor)" }}>
      {children} <Icon name="link" size={12} />
      <span className="visually-hidden"> (opens in a new tab)</span>
    </a>
  );
}
