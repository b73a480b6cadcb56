// One model: everybody who serves it.

import { Button, Group } from "@mantine/core";
import { Link } from "wouter";
import { useModels, useProviders } from "../api/queries";
import { useHere } from "../api/session";
import { Endpoints } from "../parts/endpoints";
import { Chip, Empty, Loaded, Page, Panel } from "../parts/parts";
import { CompareButton, usePicked } from "../parts/picked";
import { plural } from "../words/format";
import { strictness } from "../words/policy";

export default function Model({ id }: { id: string }) {
  const { account } = useHere();
  const models = useModels();
  const providers = useProviders();
  const [picked, pick] = usePicked();
  const base = `/a/${encodeURIComponent(account)}`;
  const model = models.data?.find((row) => row.id === id);
  const name = (provider: string) => providers.data?.find((row) => row.id === provider)?.name ?? provider;
  return (
    <Page
      title={model?.name ?? id}
      lead={<><Link href={`${base}/models`}>All models</Link> · {id}</>}
      tools={<Group><Button component={Link} variant="default" href={`${base}/explain?model=${encodeURIComponent(id)}`}>Explain</Button></Group>}
    >
      <Loaded read={models} lines={10}>
        {() =>
          model === undefined ? (
            <Panel><Empty icon="models" title="No such model">It is in no catalogue that this gateway knows.</Empty></Panel>
          ) : (
            <Panel
              title={`${plural(model.endpoints.length, "endpoint")}, ${model.endpoints.filter((row) => row.permitted).length} allowed`}
              tools={<Group gap="sm">{model.open_weights && <Chip>open weights</Chip>}<CompareButton picked={picked} /></Group>}
            >
              <Endpoints
                head="Provider"
                chosen={picked}
                choose={pick}
                rows={[...model.endpoints]
                  .sort((one, other) => one.reasons.length - other.reasons.length || strictness(one.data_policy) - strictness(other.data_policy))
                  .map((row) => ({
                    name: name(row.provider),
                    href: `${base}/providers/${encodeURIComponent(row.provider)}`,
                    row,
                  }))}
              />
            </Panel>
          )
        }
      </Loaded>
    </Page>
  );
}
