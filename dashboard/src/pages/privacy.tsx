// Privacy settings of the gateway, the account, a project or a key: what they would do is shown before they are saved.

import { Button, Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import { call, Problem } from "../api/client";
import { useClasses, useKeys, useProjects, useProviders } from "../api/queries";
import type { Layer, ProviderRow, Shown } from "../api/schema";
import { useHere } from "../api/session";
import { History } from "../parts/history";
import { WhatIsKept } from "../parts/kept";
import { TakePart } from "../parts/part";
import { useUnclear } from "../parts/named";
import { Failed, InForce, Loaded, Note, Page, Panel } from "../parts/parts";
import { Left } from "../parts/preview";
import { choicesOf, ShieldForm } from "../parts/shieldform";
import { useUnsaved } from "../parts/unsaved";
import { keyLabel, plural } from "../words/format";
import { LAYERS } from "../words/policy";
import type { Own } from "../words/preview";
import { fromPolicy, NOTHING, same, type Shields, toPolicy } from "../words/shields";

type Policy = Record<string, unknown>;

interface Scope {
  layer: Layer;
  subject: string;
}

const readSettings = (account: string, { layer, subject }: Scope) =>
  layer === "gateway" ? call("get", "/api/gateway/settings") : call("get", "/api/accounts/{account}/settings/{layer}/{subject}", { path: { account, layer, subject } });

const readPreview = (account: string, { layer, subject }: Scope, body: { data_policy: Record<string, unknown> }, signal: AbortSignal) =>
  layer === "gateway"
    ? call("post", "/api/gateway/settings/preview", { body, signal })
    : call("post", "/api/accounts/{account}/settings/{layer}/{subject}/preview", { path: { account, layer, subject }, body, signal });

const write = (account: string, { layer, subject }: Scope, body: { data_policy: Policy; instead_of: Policy }) =>
  layer === "gateway"
    ? call("put", "/api/gateway/settings", { body })
    : call("put", "/api/accounts/{account}/settings/{layer}/{subject}", { path: { account, layer, subject }, body });

export default function Privacy() {
  const { account, me } = useHere();
  const [search, setSearch] = useSearchParams();
  const keys = useKeys();
  const projects = useProjects();
  const providers = useProviders();
  const scope: Scope = { layer: (search.get("layer") as Layer | null) ?? "account", subject: search.get("subject") ?? account };
  const settings = useQuery({ queryKey: [account, "settings", scope.layer, scope.subject], queryFn: () => readSettings(account, scope) });
  const groups = [
    ...(me.operator ? [{ group: "Everybody", items: [{ value: "gateway ", label: "Gateway: the floor under every account" }] }] : []),
    { group: "Account", items: [{ value: `account ${account}`, label: `Account ${account}` }] },
    { group: "Projects", items: (projects.data ?? []).map((row) => ({ value: `project ${row.id}`, label: `Project ${row.name}` })) },
    {
      group: "API keys",
      items: (keys.data ?? []).filter((row) => row.state === "active").map((row) => ({ value: `key ${row.id}`, label: `Key ${keyLabel(row, keys.data ?? [])}` })),
    },
  ].filter((group) => group.items.length > 0);
  return (
    <Page
      title="Privacy settings"
      lead="Say what may happen to what you send. A request goes only to providers that satisfy every layer: gateway, account, project, key and the request itself. Each can make it stricter, never looser."
      tools={
        <Select
          label="Settings of"
          w={{ base: "100%", xs: 300 }}
          data={groups}
          value={`${scope.layer} ${scope.layer === "gateway" ? "" : scope.subject}`}
          allowDeselect={false}
          onChange={(next) => {
            if (!next) return;
            const [layer = "account", subject = ""] = next.split(" ");
            setSearch({ layer, subject });
          }}
        />
      }
    >
      <Loaded read={settings} lines={8}>
        {(shown) => (
          <Loaded read={providers}>
            {(rows) => <Form key={`${scope.layer} ${scope.subject}`} scope={scope} shown={shown} providers={rows} />}
          </Loaded>
        )}
      </Loaded>
      <div className="grid two">
        {scope.layer === "account" && <TakePart />}
        <History gateway={scope.layer === "gateway"} only={["settings", "ranking", "usage_days"]} />
      </div>
      <WhatIsKept />
    </Page>
  );
}

function Form({ scope, shown, providers }: { scope: Scope; shown: Shown; providers: readonly ProviderRow[] }) {
  const { account, may, me } = useHere();
  const client = useQueryClient();
  const stored = useMemo(() => fromPolicy(shown.data_policy), [shown]);
  const [edited, setEdited] = useState<{ shields: Shields; read: Policy } | null>(null);
  const shields = edited?.shields ?? stored;
  const dirty = !same(shields, stored);
  const read = (dirty && edited?.read) || shown.data_policy;
  const overtaken = !same(fromPolicy(read), stored);
  const policy = useMemo(() => toPolicy(shields), [shields]);
  const [asked] = useDebouncedValue(policy, 200);
  const allowed = scope.layer === "gateway" ? me.operator : may("write_settings");
  const [unclear, tell] = useUnclear();
  useUnsaved(dirty && allowed);
  const [discarded, setDiscarded] = useState(0);
  const classes = useClasses();
  const own: Own = { layer: scope.layer, policy: asked, classes: (classes.data ?? []).filter((one) => fromPolicy(asked).dataClasses.includes(one.data_class)) };
  const preview = useQuery({
    queryKey: [account, "preview", scope.layer, scope.subject, shown.in_force.hash, asked],
    queryFn: ({ signal }) => readPreview(account, scope, { data_policy: asked }, signal),
    placeholderData: keepPreviousData,
    staleTime: 30_000,
  });
  const stale = preview.isPlaceholderData || asked !== policy;
  const fresh = !stale && preview.data !== undefined;
  const trouble = useTrouble(preview.error ?? preview.failureReason, fresh);
  const save = useMutation({
    mutationFn: () => write(account, scope, { data_policy: policy, instead_of: read }),
    onError: (error) => error instanceof Problem && error.status === 409 && client.invalidateQueries({ queryKey: [account, "settings", scope.layer, scope.subject] }),
    onSuccess: (saved) => {
      client.setQueryData([account, "settings", scope.layer, scope.subject], saved.settings);
      setEdited(null);
      void client.invalidateQueries({ predicate: (query) => query.queryKey[1] !== "preview" && query.queryKey[0] === account });
    },
  });
  const held = shown.in_force.settings.filter((one) => one.layers.some((layer) => layer !== scope.layer));
  const choices = useMemo(() => choicesOf(providers), [providers]);
  return (
    <div className="settings">
      <Panel title={scope.layer === "gateway" ? "The floor: what every account gets at least" : `What ${LAYERS[scope.layer]} asks`}>
        {!allowed && (
          <div style={{ marginBottom: 16 }}>
            <Note>You can look at these settings and try them out. To save them you need the role owner or admin.</Note>
          </div>
        )}
        <ShieldForm
          key={discarded}
          unclear={tell}
          value={shields}
          set={(next) => {
            setEdited({ shields: next, read });
            save.reset();
          }}
          choices={choices}
          held={held}
        />
        <div className="savebar">
          <Button disabled={!dirty || !allowed || unclear || overtaken} loading={save.isPending} onClick={() => save.mutate()}>
            Save
          </Button>
          <Button
            variant="default"
            disabled={!dirty && !unclear}
            onClick={() => {
              setEdited(null);
              save.reset();
              setDiscarded(discarded + 1);
            }}
          >
            Discard
          </Button>
          <span className="small" role="status" style={{ flex: "1 1 180px" }}>
            {save.isSuccess && !dirty && <strong style={{ color: "var(--good)" }}><InForce snapshot={save.data.snapshot} /></strong>}
            {unclear && <strong style={{ color: "var(--bad)" }}>A field above holds a name that is not on its list. </strong>}
            {dirty && !fresh && <span className="dim">{trouble ? "Not saved yet. What it would leave is not known: the gateway could not be asked." : "Not saved yet: asking what it would leave…"}</span>}
            {dirty && fresh && (
              <span className="dim">
                Not saved yet: would leave {preview.data.then.models} of {preview.data.all_models} models and {preview.data.then.endpoints} of {preview.data.all_endpoints} endpoints
                {preview.data.lost_in_use.length > 0 && <strong style={{ color: "var(--bad)" }}>; {plural(preview.data.lost_in_use.length, "model")} of last week would go</strong>}.
              </span>
            )}
            {!dirty && !save.isSuccess && <span className="dim">{same(shields, NOTHING) ? "Nothing is asked here yet." : "As saved."}</span>}
          </span>
          {(overtaken || save.error) && (
            <div style={{ flexBasis: "100%" }}>
              {overtaken ? <Note tone="warn" live>Somebody changed these settings while you did, so yours cannot be saved over theirs. Discard yours to see what stands there now, and change that.</Note> : <Failed error={save.error} />}
            </div>
          )}
        </div>
      </Panel>
      <aside aria-label="Preview">
        <Panel title={dirty ? "What saving would do" : "What is left"}>
          {trouble ? (
            <Failed error={trouble} retry={() => void preview.refetch()} />
          ) : (
            <Loaded read={preview}>{(found) => <Left found={found} dirty={dirty} stale={stale} own={own} />}</Loaded>
          )}
        </Panel>
      </aside>
    </div>
  );
}

/** Why the newest question has no answer; it stands until there is one, while the page asks again and again by itself. */
function useTrouble(failure: Error | null, fresh: boolean): Error | null {
  const [trouble, setTrouble] = useState<Error | null>(null);
  useEffect(() => {
    if (fresh) setTrouble(null);
    else if (failure) setTrouble(failure);
  }, [failure, fresh]);
  return trouble;
}
