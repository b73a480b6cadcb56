// A playground for policies: what would happen to a request, and why. Nothing is sent to anybody.

import { MultiSelect, Select, Stack, TagsInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import { call } from "../api/client";
import { useKeys, useModels, useProviders } from "../api/queries";
import type { ModelRow, ProviderRow } from "../api/schema";
import { useHere } from "../api/session";
import { CodeBlock, Empty, Failed, Loaded, Page, Panel } from "../parts/parts";
import { choicesOf, ShieldForm } from "../parts/shieldform";
import { AUTO, Verdicts } from "../parts/verdicts";
import { keyLabel, quoted } from "../words/format";
import { NOTHING, toPolicy } from "../words/shields";
import { TAGS } from "../words/tags";

const MOST = 8;

export default function Explain() {
  const models = useModels();
  const providers = useProviders();
  return (
    <Page title="Explain" lead="Ask what would happen to a request, and why. Nothing is sent to anybody: the answer comes from the same rules that decide about real requests.">
      <Loaded read={models} lines={8}>
        {(found) => <Loaded read={providers}>{(rows) => <Playground models={found} providers={rows} />}</Loaded>}
      </Loaded>
    </Page>
  );
}

function Playground({ models, providers }: { models: readonly ModelRow[]; providers: readonly ProviderRow[] }) {
  const { account, dataPlane } = useHere();
  const [search, setSearch] = useSearchParams();
  const chosen = search.getAll("model");
  const key = search.get("key");
  const keys = useKeys();
  const ask = (names: string[], as: string | null) => setSearch([...names.map((model) => ["model", model]), ...(as ? [["key", as]] : [])]);
  const [shields, setShields] = useState(NOTHING);
  const [tags, setTags] = useState<string[]>([]);
  const policy = useMemo(() => toPolicy(shields), [shields]);
  const [asked] = useDebouncedValue(policy, 200);
  const choices = useMemo(() => choicesOf(providers), [providers]);
  const answer = useQuery({
    queryKey: [account, "explain", chosen, asked, tags, key],
    queryFn: () => call("post", "/api/accounts/{account}/explain", { path: { account }, body: { models: chosen, data_policy: asked, tags, key } }),
    enabled: chosen.length > 0,
    placeholderData: keepPreviousData,
  });
  const body = JSON.stringify({ models: chosen, data_policy: policy, ...(tags.length > 0 && { tags }) });
  return (
    <div className="settings even">
      <div className="stack">
        <Panel title="The request">
          <Stack gap="md">
          <TagsInput
            label="Models"
            description="By any name that a request may use, in the order in which you would name them, at most eight."
            placeholder={chosen.length ? undefined : "Choose or type a model…"}
            data={[AUTO, ...models.map((model) => model.id)]}
            value={chosen}
            maxTags={MOST}
            limit={60}
            acceptValueOnBlur
            clearable
            clearButtonProps={{ "aria-label": "No model" }}
            onChange={(next) => ask(next, key)}
          />
          <MultiSelect
            label="Able to"
            description="Web search and pages by address count as used: what is searched for may be kept for longer."
            placeholder={tags.length ? undefined : "nothing in particular"}
            data={TAGS}
            value={tags}
            clearable
            clearButtonProps={{ "aria-label": "No particular ability" }}
            onChange={setTags}
          />
          <Select
            label="With the API key"
            placeholder="any key that asks nothing itself"
            data={(keys.data ?? []).filter((row) => row.state === "active").map((row) => ({ value: row.id, label: keyLabel(row, keys.data ?? []) }))}
            value={key}
            clearable
            clearButtonProps={{ "aria-label": "No particular key" }}
            onChange={(next) => ask(chosen, next)}
          />
          </Stack>
        </Panel>
        <Panel title="What it asks itself, on top of account and key">
          <ShieldForm value={shields} set={setShields} choices={choices} />
        </Panel>
        {chosen.length > 0 && (
          <Panel title="The same from a terminal">
            <CodeBlock what="the command" text={`curl -s ${dataPlane}/v1/explain -H "Authorization: Bearer $ANYAPI_KEY" \\\n  -d ${quoted(body)}`} />
          </Panel>
        )}
      </div>
      <aside aria-label="Answer" style={{ minHeight: 200 }}>
        <Panel title="What would happen">
          {chosen.length === 0 ? (
            <Empty icon="explain" title="Choose a model">
              You will see each of its endpoints, whether it would be used, in which order, and every reason against it.
            </Empty>
          ) : answer.error ? (
            <Failed error={answer.error} retry={() => void answer.refetch()} />
          ) : (
            <div aria-live="polite" aria-busy={answer.isFetching}>
              <Loaded read={answer}>{(found) => <Verdicts found={found} />}</Loaded>
            </div>
          )}
        </Panel>
      </aside>
    </div>
  );
}
