// For how long an account's usage rows are kept: said by the account, else by the operator.

import { Button, Group, NumberInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/client";
import { useAccounts } from "../api/queries";
import { useHere } from "../api/session";
import { plural } from "../words/format";
import { Failed, Panel, sent } from "./parts";

export function UsageDays({ default: otherwise }: { default: number | null }) {
  const { account, may } = useHere();
  const queries = useQueryClient();
  const row = useAccounts().data?.find((one) => one.id === account);
  const [days, setDays] = useState<number | string>("");
  const put = useMutation({
    mutationFn: (next: number | null) => call("put", "/api/accounts/{account}/usage/days", { path: { account }, body: { days: next } }),
    onSuccess: () => {
      setDays("");
      return queries.invalidateQueries({ queryKey: ["accounts"] });
    },
  });
  const own = row?.usage_days ?? null;
  const kept = own ?? otherwise;
  return (
    <Panel title="How long usage rows are kept">
      <p style={{ marginTop: 0 }}>
        The usage rows of this account are kept for <strong>{kept === null ? "as long as the operator says" : plural(kept, "day")}</strong>
        {own === null ? ", as the operator's default says" : ""}. Older ones are deleted within ten minutes, and with them what activity and exposure say of that time. <strong>The audit log is not shortened by this</strong>: its entry of each request (time, model, endpoint, outcome, figures) stays, and its random ids lead to this account, its keys and apps as long as they are here.
      </p>
      {may("write_settings") && (
        <form onSubmit={sent(() => put.mutate(Number(days)))}>
          <Group align="end" gap={12}>
            <NumberInput label="Keep for days" value={days} min={0.01} max={3650} w={140} onChange={setDays} />
            <Button type="submit" loading={put.isPending} disabled={days === ""}>Save</Button>
            {own !== null && <Button variant="default" loading={put.isPending} onClick={() => put.mutate(null)}>Back to the default</Button>}
          </Group>
          {put.error && <Failed error={put.error} />}
        </form>
      )}
    </Panel>
  );
}
