// Who was sent what, and until when they may hold it: from the usage rows that are kept, with the policies that were in force.

import { Button, Group, SegmentedControl, Switch } from "@mantine/core";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { address } from "../api/client";
import { useExposure, useKeyName } from "../api/queries";
import type { ShownLedger } from "../api/schema";
import { useHere } from "../api/session";
import { Icon } from "../parts/icon";
import { Chip, Empty, Loaded, Note, Page, Panel, Table, Tile } from "../parts/parts";
import { about, type By, holding, isHeld, type Line, lines, longer } from "../words/exposure";
import { ago, count, date, exactTime, plural } from "../words/format";

const EVERY = 10_000;

/** The time, told again and again: what is held counts down. */
function useNow(): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), EVERY);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export default function ExposurePage() {
  const { account } = useHere();
  const read = useExposure();
  return (
    <Page
      title="Exposure"
      lead="Which provider was sent what class of data of which app, and until when it may hold it. Made of the usage rows that are kept, with the policies that were in force then; an end that nobody stated is shown as unknown."
      tools={
        <Group gap="xs">
          <Button component="a" href={address("/api/accounts/{account}/exposure.csv", { account })} download variant="default" size="xs" leftSection={<Icon name="download" size={14} />}>
            CSV
          </Button>
          <Button component="a" href={address("/api/accounts/{account}/exposure.json", { account })} download variant="default" size="xs" leftSection={<Icon name="download" size={14} />}>
            Record of processing
          </Button>
        </Group>
      }
    >
      <Loaded read={read} lines={8}>
        {(found) => (found.entries.length === 0 ? <Nothing found={found} /> : <Found found={found} />)}
      </Loaded>
    </Page>
  );
}

function Nothing({ found }: { found: ShownLedger }) {
  return (
    <Panel>
      <Empty icon="clock" title="No provider was sent anything">
        <p>{found.expired_before !== null && `Or it was before ${date(found.expired_before)}: rows are kept no longer. `}Each request shows up here once it has been answered.</p>
      </Empty>
    </Panel>
  );
}

function Found({ found }: { found: ShownLedger }) {
  const now = useNow();
  const [by, setBy] = useState<By>("app");
  const [past, setPast] = useState(false);
  const all = lines(found.entries, by);
  const shown = past ? all : all.filter((line) => isHeld(line.main, now));
  return (
    <>
      <Tiles all={all} now={now} />
      <Panel
        title={past ? "Everything that was sent" : "What may be held now"}
        tools={
          <Group gap="md">
            <Switch size="sm" label="Also what should be gone" checked={past} onChange={(event) => setPast(event.currentTarget.checked)} />
            <SegmentedControl size="xs" aria-label="By what" style={{ maxWidth: "100%", overflowX: "auto" }} value={by} data={[{ value: "app", label: "App" }, { value: "key", label: "API key" }]} onChange={(next) => setBy(next as By)} />
          </Group>
        }
      >
        {shown.length === 0 ? <Note tone="good">Nothing of what was sent should be held by anybody any more.</Note> : <Rows shown={shown} by={by} now={now} found={found} />}
        {found.more > 0 && <p className="small dim">{plural(found.more, "line")} more: the files have all of them.</p>}
      </Panel>
      <Note>
        {found.since !== null && `This covers requests since ${date(found.since)}. `}
        {found.expired_before !== null && `What was sent before ${date(found.expired_before)} is not in it: rows are kept no longer. `}
        A day that is not over yet is counted whole. What a provider flags as abuse it may hold longer, where its policy says so.
      </Note>
    </>
  );
}

function Tiles({ all, now }: { all: Line[]; now: number }) {
  const held = all.filter((line) => isHeld(line.main, now));
  const endless = held.filter((line) => line.main.until === null);
  const dated = held.filter((line) => line.main.until !== null).map((line) => line.main);
  const last = dated.length === 0 ? null : (dated.reduce(longer).until ?? null);
  return (
    <div className="grid tiles">
      <Tile name="Providers that hold something" value={count(new Set(held.map((line) => line.provider)).size)} below={`of ${plural(new Set(all.map((line) => line.provider)).size, "provider")} that were sent something`} />
      <Tile name="Requests held" value={count(held.reduce((sum, line) => sum + line.heldRequests, 0))} below="whose copy may be there still" />
      <Tile name="Without a known end" value={count(endless.reduce((sum, line) => sum + line.heldRequests, 0))} below="nobody says when these are deleted" />
      <Tile name="The last known end" value={last === null ? "–" : about(last - now)} below={last === null ? "nothing has one" : `on ${date(last)}`} />
    </div>
  );
}

function Rows({ shown, by, now, found }: { shown: Line[]; by: By; now: number; found: ShownLedger }) {
  const { account } = useHere();
  const keyName = useKeyName();
  const base = `/a/${encodeURIComponent(account)}`;
  return (
    <Table
      label="Exposure"
      head={
        <>
          <th scope="col">Provider</th>
          <th scope="col">{by === "app" ? "App" : "API key"}</th>
          <th scope="col">Data class</th>
          <th scope="col" className="r">Requests</th>
          <th scope="col">Last sent</th>
          <th scope="col">Held</th>
          <th scope="col">Until</th>
        </>
      }
    >
      {shown.map((line) => (
        <tr key={line.id}>
          <td>
            <Link href={`${base}/providers/${encodeURIComponent(line.provider)}`}>{found.providers[line.provider]?.name ?? line.provider}</Link>
            {line.host && <span className="small dim"> by way to {found.providers[line.host]?.name ?? line.host}</span>}
            {line.local && <span className="small dim"> your own server</span>}
          </td>
          <td className="name">{line.label === null ? <span className="dim">no name given</span> : by === "key" ? keyName(line.label) : line.label}</td>
          <td>{line.dataClass ?? <span className="dim">none set</span>}</td>
          <td className="r">{count(line.requests)}</td>
          <td className="nowrap"><time dateTime={new Date(line.lastAt * 1000).toISOString()} title={exactTime(line.lastAt)}>{ago(line.lastAt, now)}</time></td>
          <td className="wide">
            <span className="chips">
              <Chip said={holding(line.main, now)} />
              {line.mayTrain && <Chip tone="bad">may train on it</Chip>}
            </span>
          </td>
          <td className="nowrap">{line.main.until === null ? <span className="dim">–</span> : <span title={exactTime(line.main.until)}>{date(line.main.until)}</span>}</td>
        </tr>
      ))}
    </Table>
  );
}
