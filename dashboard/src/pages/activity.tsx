// What was asked, where it went, what it cost: metadata alone, there is nothing else.

import { Button, Group, SegmentedControl, Switch } from "@mantine/core";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { address } from "../api/client";
import { begin, useKeys, useLatency, useRows, useTotals } from "../api/queries";
import type { ShownKey, UsageRow, UsageTotal } from "../api/schema";
import { useHere } from "../api/session";
import { type Bar, Bars, Columns } from "../parts/chart";
import { Icon } from "../parts/icon";
import { Chip, CodeBlock, Empty, Loaded, Page, Panel, Table } from "../parts/parts";
import { ago, count, exactTime, money, percent, plural, seconds, tokens } from "../words/format";
import { outcome } from "../words/policy";
import { filled, type Point, SPANS, type Span, spanOf, sum } from "../words/series";

const LIVE = 5_000;
type Metric = "requests" | "tokens" | "cost" | "times";
type Group = "model" | "provider" | "key" | "app" | "outcome";

export default function Activity() {
  const { account } = useHere();
  const [search, setSearch] = useSearchParams();
  const [live, setLive] = useState(true);
  const span = spanOf(search.get("span"));
  const every = live && LIVE;
  const series = useTotals(span.by, span.seconds, every);
  const csv = address("/api/accounts/{account}/usage.csv", { account }, { since: begin(span.seconds) });
  return (
    <Page
      title="Activity"
      lead="What was asked, where it went and what it cost. Prompts and answers are not here: they are stored nowhere."
      tools={
        <Group gap="md">
          <Switch size="sm" label="Live" checked={live} onChange={(event) => setLive(event.currentTarget.checked)} />
          <SegmentedControl size="sm" aria-label="Span of time" value={span.id} data={SPANS.map(({ id, label }) => ({ value: id, label }))} onChange={(next) => setSearch({ span: next })} />
        </Group>
      }
    >
      <Loaded read={series} lines={8}>
        {(found) =>
          found.rows.length === 0 ? (
            <Panel>
              <First span={span} />
            </Panel>
          ) : (
            <>
              <Tiles rows={found.rows} span={span} every={every} />
              <OverTime rows={found.rows} since={found.since} until={found.until} span={span} every={every} />
              <Breakdowns span={span} every={every} />
              <Requests span={span} every={every} csv={csv} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function First({ span }: { span: Span }) {
  const { account, dataPlane } = useHere();
  const base = `/a/${encodeURIComponent(account)}`;
  return (
    <Empty icon="activity" title={`No request in the last ${span.label}`}>
      <p>Each request will show up here within a second.</p>
      <ol className="steps">
        <li>
          Say what may happen to what you send: <Link href={`${base}/privacy`}>Privacy settings</Link>
        </li>
        <li>
          Make a key for your application: <Link href={`${base}/keys`}>API keys</Link>
        </li>
        <li>Point any OpenAI or Anthropic SDK at this address:</li>
      </ol>
      <div style={{ textAlign: "left", marginTop: 8 }}>
        <CodeBlock text={`${dataPlane}/v1`} what="the base URL" />
      </div>
    </Empty>
  );
}

function Tiles({ rows, span, every }: { rows: UsageTotal[]; span: Span; every: number | false }) {
  const total = sum(rows);
  const outcomes = useTotals("outcome", span.seconds, every);
  const latency = useLatency("provider", span.seconds, every);
  const refused = outcomes.data?.rows.find((row) => row.label === "no_eligible_endpoint")?.requests ?? 0;
  const judged = total.requests - refused;
  return (
    <div className="grid tiles">
      <Tile name="Requests" value={count(total.requests)} below={`in the last ${span.label}`} />
      <Tile name="Answered" value={percent(total.succeeded, judged)} below="of those that policy allowed" />
      <Tile name="Refused" value={count(refused)} below="by policy, sent to nobody" />
      <Tile name="Response time" value={seconds(latency.data?.all.p50)} below={`half are faster; 95% under ${seconds(latency.data?.all.p95)}`} />
      <Tile name="Tokens" value={tokens(total.tokens)} below="in and out" />
      <Tile name="Cost" value={money(total.cost)} below={total.unpriced ? `${plural(total.unpriced, "request")} without a price` : "from catalogue prices"} />
    </div>
  );
}

function Tile({ name, value, below }: { name: string; value: string; below: string }) {
  return (
    <section className="panel tile" aria-label={name}>
      <span className="small dim">{name}</span>
      <strong className="num">{value}</strong>
      <span className="small dim">{below}</span>
    </section>
  );
}

function OverTime({ rows, since, until, span, every }: { rows: UsageTotal[]; since: number; until: number; span: Span; every: number | false }) {
  const [metric, setMetric] = useState<Metric>("requests");
  const points = filled(rows, since, until, span.by);
  const value = (total: UsageTotal | null) => {
    if (total === null) return { good: 0, bad: 0 };
    if (metric === "requests") return { good: total.succeeded, bad: total.requests - total.succeeded };
    return { good: metric === "tokens" ? total.prompt_tokens + total.completion_tokens : total.cost, bad: 0 };
  };
  return (
    <Panel
      title={span.by === "hour" ? "By hour" : "By day"}
      tools={
        <SegmentedControl
          size="xs"
          aria-label="What to show"
          value={metric}
          onChange={(next) => setMetric(next as Metric)}
          data={[
            { value: "requests", label: "Requests" },
            { value: "tokens", label: "Tokens" },
            { value: "cost", label: "Cost" },
            { value: "times", label: "Response time" },
          ]}
        />
      }
    >
      {metric === "requests" && <Legend good="answered" bad="refused or failed" />}
      {metric === "times" ? (
        <TimesOverTime points={points} span={span} every={every} />
      ) : (
        <Columns points={points} value={(point) => value(point.total)} shown={metric === "cost" ? money : count} label={`${metric} by ${span.by}, times in UTC`} by={span.by} />
      )}
    </Panel>
  );
}

function Legend({ good, bad, rest = "fail" }: { good: string; bad: string; rest?: string }) {
  return (
    <div className="legend" aria-hidden="true">
      <span><i />{good}</span>
      <span><i className={rest} />{bad}</span>
    </div>
  );
}

function TimesOverTime({ points, span, every }: { points: Point[]; span: Span; every: number | false }) {
  const latency = useLatency(span.by, span.seconds, every);
  return (
    <Loaded read={latency} lines={8}>
      {(found) => {
        const known = new Map(found.rows.map((row) => [row.label, row]));
        const value = (point: Point) => {
          const half = known.get(point.label)?.p50 ?? 0;
          return { good: half, bad: (known.get(point.label)?.p95 ?? half) - half };
        };
        return (
          <>
            <Legend good="half are faster" bad="95 in 100 are faster" rest="old" />
            <Columns
              points={points}
              value={value}
              shown={seconds}
              rest="var(--bar-old)"
              said={({ good, bad }) => (good ? `half under ${seconds(good)}, 95% under ${seconds(good + bad)}` : "no answer")}
              label={`response time by ${span.by}, times in UTC`}
              by={span.by}
            />
          </>
        );
      }}
    </Loaded>
  );
}

function Breakdowns({ span, every }: { span: Span; every: number | false }) {
  const keys = useKeys();
  return (
    <div className="grid two">
      <Breakdown title="By model" by="model" span={span} every={every} />
      <Breakdown title="By provider" by="provider" span={span} every={every} name={(label) => (label === "-" ? "sent to nobody" : label)} />
      <Breakdown title="By API key" by="key" span={span} every={every} name={(label) => keyName(keys.data, label)} />
      <Breakdown title="By outcome" by="outcome" span={span} every={every} name={(label) => outcome(label).text} />
      <Breakdown title="By app" by="app" span={span} every={every} name={(label) => APPS[label] ?? label} />
      <Times span={span} every={every} />
    </div>
  );
}

const APPS: Record<string, string> = { "-": "no name given", "(others)": "other apps" };
const keyName = (keys: readonly ShownKey[] | undefined, id: string): string => {
  const found = keys?.find((key) => key.id === id);
  return found ? found.name || `${found.prefix}…` : id;
};

function Breakdown({ title, by, span, every, name = (label) => label }: { title: string; by: Group; span: Span; every: number | false; name?: (label: string) => string }) {
  const totals = useTotals(by, span.seconds, every);
  const bar = (row: UsageTotal): Bar => ({
    id: row.label,
    name: name(row.label),
    good: row.succeeded,
    bad: row.requests - row.succeeded,
    text: by === "outcome" ? count(row.requests) : `${count(row.requests)} · ${money(row.cost)}`,
  });
  return (
    <Panel title={title}>
      <Loaded read={totals}>{(found) => <Bars bars={found.rows.map(bar)} most={6} />}</Loaded>
    </Panel>
  );
}

function Times({ span, every }: { span: Span; every: number | false }) {
  const latency = useLatency("provider", span.seconds, every);
  return (
    <Panel title="Response time by provider">
      <Loaded read={latency}>
        {(found) =>
          found.rows.length === 0 ? (
            <p className="dim" style={{ margin: 0 }}>Nothing was answered yet.</p>
          ) : (
            <Table label="Response time by provider" head={<><th scope="col">Provider</th><th scope="col" className="r">Answered</th><th scope="col" className="r">Half under</th><th scope="col" className="r">95% under</th><th scope="col" className="r">First token</th></>}>
              {found.rows.map((row) => (
                <tr key={row.label}>
                  <td>{row.label}</td>
                  <td className="r">{count(row.requests)}</td>
                  <td className="r">{seconds(row.p50)}</td>
                  <td className="r">{seconds(row.p95)}</td>
                  <td className="r" title={`95% under ${seconds(row.first_token_p95)}`}>{seconds(row.first_token_p50)}</td>
                </tr>
              ))}
            </Table>
          )
        }
      </Loaded>
    </Panel>
  );
}

function Requests({ span, every, csv }: { span: Span; every: number | false; csv: string }) {
  const [limit, setLimit] = useState(25);
  const rows = useRows(span.seconds, limit, every);
  const keys = useKeys();
  return (
    <Panel
      title="Requests"
      tools={
        <Button component="a" href={csv} download variant="default" size="xs" leftSection={<Icon name="download" size={14} />}>
          CSV
        </Button>
      }
    >
      <Loaded read={rows}>
        {(found) => (
          <>
            <Table
              label="Requests"
              head={
                <>
                  <th scope="col">When</th>
                  <th scope="col">Model</th>
                  <th scope="col">Outcome</th>
                  <th scope="col">Provider</th>
                  <th scope="col">API key</th>
                  <th scope="col" className="r">Tokens</th>
                  <th scope="col" className="r">Took</th>
                  <th scope="col" className="r">Cost</th>
                </>
              }
            >
              {found.map((row) => (
                <Row key={row.decision} row={row} named={keyName(keys.data, row.key)} />
              ))}
            </Table>
            {found.length === limit && limit < 1000 && (
              <Button mt="md" variant="default" size="xs" onClick={() => setLimit(Math.min(1000, limit * 4))}>
                Show more
              </Button>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function Row({ row, named }: { row: UsageRow; named: string }) {
  const { account } = useHere();
  const used = (row.tokens?.prompt ?? 0) + (row.tokens?.completion ?? 0);
  return (
    <tr>
      <td className="nowrap">
        <Link href={`/a/${encodeURIComponent(account)}/activity/${row.decision}?at=${row.at}`} title={exactTime(row.at)}>
          {ago(row.at, Date.now() / 1000)}
        </Link>
      </td>
      <td>{row.model}</td>
      <td>
        <Chip said={outcome(row.outcome)} />
      </td>
      <td className="nowrap">{row.provider ?? <span className="dim">nobody</span>}</td>
      <td className="nowrap">{named}</td>
      <td className="r">{used ? count(used) : "–"}</td>
      <td className="r">{seconds(row.duration)}</td>
      <td className="r">{row.cost === null || row.cost === undefined ? "–" : money(row.cost)}</td>
    </tr>
  );
}
