// What was asked, where it went, what it cost: metadata alone, there is nothing else.

import { Button, Group, SegmentedControl, Switch } from "@mantine/core";
import { type MouseEvent, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { address } from "../api/client";
import { begin, useKeyName, useLatency, useRows, useTotals } from "../api/queries";
import type { UsageRow, UsageTotal } from "../api/schema";
import { useHere } from "../api/session";
import { type Column, Columns } from "../parts/chart";
import { Icon } from "../parts/icon";
import { Chip, CodeBlock, Empty, Loaded, Page, Panel, Table, Tile } from "../parts/parts";
import { about, ago, count, exactTime, money, percent, plural, responseTime, seconds, tokens, under } from "../words/format";
import { outcome } from "../words/policy";
import { filled, type Point, SPANS, type Span, spanOf, sum } from "../words/series";

const LIVE = 5_000;
type Metric = "requests" | "success" | "tokens" | "cost" | "latency";
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
      lead="What was asked, where it went and what it cost. Prompts and answers are not here: none is stored, except what you have sealed for yourself."
      tools={
        <Group gap="md">
          <Switch size="sm" label="Live" checked={live} onChange={(event) => setLive(event.currentTarget.checked)} />
          <SegmentedControl size="sm" aria-label="Span of time" value={span.id} data={SPANS.map(({ id, label }) => ({ value: id, label }))} onChange={(next) => setSearch((before) => { before.set("span", next); return before; })} />
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
              <Requests span={span} every={every} csv={csv} />
              <Breakdown span={span} every={every} />
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
      <Tile name="Response time" {...responseTime(latency.data)} />
      <Tile name="Tokens" value={tokens(total.tokens)} below="in and out" />
      <Tile name="Cost" value={money(total.cost)} below={total.unpriced ? `${plural(total.unpriced, "request")} without a price` : "from catalogue prices"} />
    </div>
  );
}

const METRICS: readonly { value: Metric; label: string }[] = [
  { value: "requests", label: "Requests" }, { value: "success", label: "Success" }, { value: "tokens", label: "Tokens" }, { value: "cost", label: "Cost" }, { value: "latency", label: "Response time" },
];
const LEGENDS: Partial<Record<Metric, [string, string]>> = { requests: ["answered", "refused or failed"], latency: ["half were faster", "95% were faster"] };
const SHOWN: Record<Metric, (value: number) => string> = { requests: count, tokens: count, cost: money, success: (value) => `${Math.floor(value * 10) / 10}%`, latency: seconds };

function OverTime({ rows, since, until, span, every }: { rows: UsageTotal[]; since: number; until: number; span: Span; every: number | false }) {
  const [metric, setMetric] = useState<Metric>("requests");
  const legend = LEGENDS[metric];
  return (
    <Panel
      title={span.by === "hour" ? "By hour, in UTC" : "By day, in UTC"}
      tools={<SegmentedControl size="xs" aria-label="What to show" value={metric} onChange={(next) => setMetric(next as Metric)} data={[...METRICS]} style={{ maxWidth: "100%", overflowX: "auto" }} />}
    >
      {legend && (
        <div className="legend" aria-hidden="true">
          <span><i />{legend[0]}</span>
          <span><i className={metric === "latency" ? "slow" : "fail"} />{legend[1]}</span>
        </div>
      )}
      {metric === "latency" ? (
        <ResponseTimes since={since} until={until} span={span} every={every} />
      ) : (
        <Columns points={filled(rows, since, until, span.by)} value={(point) => columnOf(metric, point.total)} shown={SHOWN[metric]} said={(column) => saidOf(metric, column)} label={`${metric} by ${span.by}, times in UTC`} by={span.by} />
      )}
    </Panel>
  );
}

function columnOf(metric: Metric, total: UsageTotal | null): Column {
  if (total === null) return { good: 0, bad: 0 };
  if (metric === "requests") return { good: total.succeeded, bad: total.requests - total.succeeded };
  if (metric === "success") return { good: (100 * total.succeeded) / total.requests, bad: 0 };
  return { good: metric === "tokens" ? total.prompt_tokens + total.completion_tokens : total.cost, bad: 0 };
}

function saidOf(metric: Metric, { good, bad }: Column): string {
  const all = SHOWN[metric](good + bad);
  return metric === "requests" && bad > 0 ? `${all}, of which ${SHOWN[metric](bad)} not answered` : all;
}

/** Half and 95 in 100 of the answered requests of each hour or day were faster than this. */
function ResponseTimes({ since, until, span, every }: { since: number; until: number; span: Span; every: number | false }) {
  const latency = useLatency(span.by, span.seconds, every);
  return (
    <Loaded read={latency}>
      {(found) => {
        const rows = new Map(found.rows.map((row) => [row.label, row]));
        const value = (point: Point): Column => {
          const row = rows.get(point.label);
          return { good: row?.p50 ?? 0, bad: Math.max(0, (row?.p95 ?? 0) - (row?.p50 ?? 0)) };
        };
        return <Columns slow points={filled([], since, until, span.by)} value={value} shown={seconds} said={({ good, bad }) => `half under ${under(good, found.finest)}, 95% under ${under(good + bad, found.finest)}`} label={`response time by ${span.by}, times in UTC`} by={span.by} />;
      }}
    </Loaded>
  );
}

const GROUPS: readonly { value: Group; label: string; none: string }[] = [
  { value: "model", label: "Model", none: "unknown" }, { value: "provider", label: "Provider", none: "sent to nobody" }, { value: "key", label: "API key", none: "no key" },
  { value: "app", label: "App", none: "no name given" }, { value: "outcome", label: "Outcome", none: "unknown" },
];
const SOME = 10;

/** The same figures by model, provider, key, app or outcome. */
function Breakdown({ span, every }: { span: Span; every: number | false }) {
  const [search, setSearch] = useSearchParams();
  const group = GROUPS.find((one) => one.value === search.get("by")) ?? (GROUPS[0] as (typeof GROUPS)[number]);
  const [all, setAll] = useState(false);
  const keyName = useKeyName();
  const totals = useTotals(group.value, span.seconds, every);
  const latency = useLatency(group.value, span.seconds, every);
  const named = (label: string) => (label === "-" ? group.none : label === "(others)" ? "others" : group.value === "key" ? keyName(label) : group.value === "outcome" ? outcome(label).text : label);
  return (
    <Panel
      title="By what"
      tools={
        <SegmentedControl size="xs" aria-label="By what" value={group.value} data={[...GROUPS]} style={{ maxWidth: "100%", overflowX: "auto" }}
          onChange={(next) => setSearch((before) => { before.set("by", next); return before; }, { replace: true })} />
      }
    >
      <Loaded read={totals}>
        {(found) => {
          const rows = [...found.rows].sort((one, other) => other.requests - one.requests);
          const most = Math.max(1, ...rows.map((row) => row.requests));
          const times = new Map(latency.data?.rows.map((row) => [row.label, row]));
          return (
            <>
              <Table
                label={`By ${group.label.toLowerCase()}`}
                head={
                  <>
                    <th scope="col">{group.label}</th>
                    <th scope="col" className="r">Requests</th>
                    <th scope="col" className="r">Answered</th>
                    <th scope="col" className="r">Tokens</th>
                    <th scope="col" className="r">Cost</th>
                    <th scope="col" className="r">Half under</th>
                    <th scope="col" className="r">95% under</th>
                    <th scope="col" className="r" title="Half of the answers began sooner; one that is not streamed begins when it is complete">First token</th>
                  </>
                }
              >
                {rows.slice(0, all ? rows.length : SOME).map((row) => (
                  <tr key={row.label}>
                    <td className="name" style={{ minWidth: 220 }}>
                      {named(row.label)}
                      <div className="track" aria-hidden="true" style={{ marginTop: 4 }}>
                        <i style={{ width: `${(100 * row.succeeded) / most}%` }} />
                        <i className="fail" style={{ width: `${(100 * (row.requests - row.succeeded)) / most}%` }} />
                      </div>
                    </td>
                    <td className="r">{count(row.requests)}</td>
                    <td className="r">{percent(row.succeeded, row.requests)}</td>
                    <td className="r">{count(row.prompt_tokens + row.completion_tokens)}</td>
                    <td className="r">{money(row.cost)}</td>
                    <td className="r">{under(times.get(row.label)?.p50, latency.data?.finest)}</td>
                    <td className="r">{under(times.get(row.label)?.p95, latency.data?.finest)}</td>
                    <td className="r">{about(times.get(row.label)?.first_token_p50, latency.data?.finest)}</td>
                  </tr>
                ))}
              </Table>
              {!all && rows.length > SOME && <Button mt="md" variant="default" size="xs" onClick={() => setAll(true)}>Show all {rows.length}</Button>}
            </>
          );
        }}
      </Loaded>
    </Panel>
  );
}

function Requests({ span, every, csv }: { span: Span; every: number | false; csv: string }) {
  const [limit, setLimit] = useState(SOME);
  const rows = useRows(span.seconds, limit, every);
  const keyName = useKeyName();
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
                <Row key={row.decision} row={row} named={keyName(row.key)} />
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

/** One request: a click anywhere on its row opens it. The link is for the keyboard and for screen readers, and says which one it is. */
function Row({ row, named }: { row: UsageRow; named: string }) {
  const { account } = useHere();
  const [, go] = useLocation();
  const href = `/a/${encodeURIComponent(account)}/activity/${row.decision}`;
  const when = ago(row.at, Date.now() / 1000);
  const open = (event: MouseEvent) => {
    if ((event.target as Element).closest("a") || window.getSelection()?.toString()) return;
    if (event.ctrlKey || event.metaKey) window.open(href, "_blank", "noopener");
    else go(href);
  };
  const used = (row.tokens?.prompt ?? 0) + (row.tokens?.completion ?? 0);
  return (
    <tr className="opens" onClick={open}>
      <td className="nowrap">
        <Link href={href} title={exactTime(row.at)} aria-label={`${when}: ${row.model}, ${outcome(row.outcome).text}`}>
          {when}
        </Link>
      </td>
      <td>{row.model}</td>
      <td>
        <Chip said={outcome(row.outcome)} />
      </td>
      <td className="nowrap">{row.provider ?? <span className="dim">nobody</span>}</td>
      <td className="name">{named}</td>
      <td className="r">{used ? count(used) : "–"}</td>
      <td className="r">{seconds(row.duration)}</td>
      <td className="r">{row.cost === null || row.cost === undefined ? "–" : money(row.cost)}</td>
    </tr>
  );
}
