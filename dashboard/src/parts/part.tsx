// Whether an account takes part in the ranking of models.

import { Switch } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "wouter";
import { call } from "../api/client";
import { useHere } from "../api/session";
import { Failed, Loaded, Panel } from "./parts";

export function TakePart() {
  const { account, may } = useHere();
  const client = useQueryClient();
  const key = [account, "ranking"];
  const read = useQuery({ queryKey: key, queryFn: () => call("get", "/api/accounts/{account}/ranking", { path: { account } }) });
  const change = useMutation({
    mutationFn: (takes_part: boolean) => call("put", "/api/accounts/{account}/ranking", { path: { account }, body: { takes_part } }),
    onSuccess: (found) => {
      client.setQueryData(key, found);
      void client.invalidateQueries({ queryKey: [account, "changes"] });
    },
  });
  return (
    <Panel title="Ranking of models">
      <Loaded read={read}>
        {(found) => (
          <>
            <Switch
              label="Take part, anonymously"
              checked={found.takes_part}
              disabled={!may("write_settings") || change.isPending}
              onChange={(event) => change.mutate(event.currentTarget.checked)}
            />
            <p>
              {found.sampling ? "Of a few requests this gateway notes the topic and the model, in memory and without you: " : "This gateway samples nothing at present. Where it does, it notes topic and model of a few requests, in memory and without you: "}
              at most one a week counts, and only numbers of many accounts with noise come out. The text is dropped at once; confidential and regulated requests are never looked at.{" "}
              <Link href={`/a/${encodeURIComponent(account)}/ranking`}>The ranking</Link>
            </p>
            {change.isSuccess && (
              <p className="small" role="status" style={{ margin: 0, color: "var(--good)" }}>
                {found.takes_part ? "The account takes part." : "Nothing is sampled any more, and what was counted this week is taken back."}
              </p>
            )}
            {change.error && <Failed error={change.error} />}
          </>
        )}
      </Loaded>
    </Panel>
  );
}
