// Which models are used for what: public, released once a week with noise. The same page with and without an account.

import { Button, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client";
import type { ModelShare, Rankings } from "../api/schema";
import { Empty, Loaded, Note, Page, Panel, Table } from "../parts/parts";
import { Outdoors } from "../parts/shell";
import { percent, plural, seconds, utcDate } from "../words/format";
import { sentence } from "../words/policy";

const DAY = 86_400;
const SHOWN = 8;
const TOPICS: Record<string, string> = { maths_science: "Maths and science", travel_home: "Travel and home", other: "Anything else" };

const span = (monday: string): string => {
  const begins = Date.parse(`${monday}T00:00:00Z`) / 1000;
  return `${utcDate(begins)} – ${utcDate(begins + 6 * DAY)}`;
};

export default function Ranking() {
  const [week, setWeek] = useState<string | null>(null);
  const read = useQuery({
    queryKey: ["rankings", week],
    queryFn: () => call("get", "/api/rankings", week === null ? {} : { query: { week } }),
    placeholderData: (before) => before,
  });
  return (
    <Page
      title="Ranking of models"
      lead="Which models are used for what, over all accounts of this gateway. Made so that nobody can tell who used which."
      tools={
        (read.data?.weeks.length ?? 0) > 1 && (
          <Select label="Week" w={{ base: "100%", xs: 260 }} allowDeselect={false} value={read.data?.week ?? null} data={(read.data?.weeks ?? []).map((one) => ({ value: one, label: span(one) }))} onChange={setWeek} />
        )
      }
    >
      <Loaded read={read} lines={10}>
        {(found) => (
          <>
            {found.week === null ? (
              <Panel>
                <Empty icon="ranking" title="No week has been released yet">
                  {found.sampling ? "The first ranking comes out when the week is over." : "This gateway does not sample requests for a ranking."}
                </Empty>
              </Panel>
            ) : (
              <Released found={found} />
            )}
            <Panel title="How it is made">
              <p style={{ marginTop: 0 }}>{found.how}</p>
              <p style={{ marginBottom: 0 }}>{found.measured}</p>
            </Panel>
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Released({ found }: { found: Rankings }) {
  return (
    <>
      <Note tone="good">
        <strong>
          Epsilon {found.epsilon}, delta {found.delta} for the week of {found.week === null ? "" : span(found.week)}.
        </strong>{" "}
        Whatever one account sent: at most e to the epsilon times, plus delta, it changes how likely the numbers by topic are. A number is shown from {found.shown_from} on, noise included.{" "}
        {found.sampled_share !== null && found.sampled_share !== undefined && `One request in ${Math.round(1 / found.sampled_share).toLocaleString("en")} was sampled.`}
      </Note>
      {found.topics.length === 0 && (
        <Panel>
          <Empty icon="ranking" title="Too few for a number">
            No model was used for one topic by enough accounts to be shown. That is how it should be on a small gateway.
          </Empty>
        </Panel>
      )}
      <div className="masonry">
        {found.topics.map((topic) => (
          <Panel key={topic.topic} title={TOPICS[topic.topic] ?? sentence(topic.topic)}>
            <Shares topic={TOPICS[topic.topic] ?? sentence(topic.topic)} models={topic.models} />
          </Panel>
        ))}
      </div>
      {found.models.length > 0 && (
        <Panel title="How they did">
          <Table label="How the models did" head={<><th scope="col">Model</th><th scope="col" className="r">Answered</th><th scope="col" className="r">Half within</th><th scope="col" className="r">First token within</th></>}>
            {found.models.map((model) => (
              <tr key={model.model}>
                <td>{model.model}</td>
                <td className="r">{percent(model.success, 1)}</td>
                <td className="r">{seconds(model.duration)}</td>
                <td className="r">{seconds(model.first_token)}</td>
              </tr>
            ))}
          </Table>
        </Panel>
      )}
    </>
  );
}

function Shares({ topic, models }: { topic: string; models: readonly ModelShare[] }) {
  const [all, setAll] = useState(false);
  const most = Math.max(...models.map((model) => model.share));
  return (
    <>
      <ol aria-label={`Models used for: ${topic}`} style={{ listStyle: "none", margin: 0, padding: 0, display: "grid", gap: 12 }}>
        {models.slice(0, all ? undefined : SHOWN).map((model) => (
          <li key={model.model}>
            <div style={{ display: "flex", justifyContent: "space-between", gap: 12 }}>
              <span style={{ minWidth: 0, overflowWrap: "anywhere" }}>{model.model}</span>
              <span className="num nowrap">
                {percent(model.share, 1)} <span className="small dim">about {plural(model.count, "account")}</span>
              </span>
            </div>
            <div className="meter" aria-hidden="true">
              <i className="new" style={{ width: `${(100 * model.share) / most}%` }} />
            </div>
          </li>
        ))}
      </ol>
      {models.length > SHOWN && !all && (
        <Button variant="subtle" size="compact-sm" mt="sm" onClick={() => setAll(true)}>
          Show all {models.length}
        </Button>
      )}
    </>
  );
}

/** For whoever is not signed in. */
export function PublicRanking() {
  return (
    <Outdoors>
      <Ranking />
    </Outdoors>
  );
}
