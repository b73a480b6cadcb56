// What a change of settings would do, in words: to the cheapest answer, and who asks each setting in force.

import type { Layer, SettingView, ShownClass, Side } from "../api/schema";
import { list, money } from "./format";
import { LAYERS, layers, settingsOf } from "./policy";

const EACH = "for a million tokens in and a million out";
const HERE = "With the credentials that are here";

/** Chat models alone: what embeds writes no answer. By the catalogue's prices only where nothing that can be used has one, and said so. */
export function cheapest(now: Side, then: Side): string {
  if (now.cheapest !== null && then.cheapest !== null) return `${HERE}, the cheapest answer ${moves(now.cheapest, then.cheapest)} ${EACH}.`;
  if (now.cheapest !== null) return `${HERE}, the cheapest answer costs ${money(now.cheapest)} now, ${EACH}; then none with a price could be had. ${listed(then)}`;
  if (then.cheapest !== null) return `${HERE}, none with a price can be had now; then the cheapest answer costs ${money(then.cheapest)} ${EACH}.`;
  const both = now.cheapest_listed !== null && then.cheapest_listed !== null;
  return `${HERE}, no chat model with a price can be used. ${both ? `By the catalogue's prices, the cheapest answer that is allowed ${moves(now.cheapest_listed, then.cheapest_listed)} ${EACH}.` : listed(then)}`;
}

const moves = (from: number | null, to: number | null): string => (from === to ? `stays at ${money(to)}` : `goes from ${money(from)} to ${money(to)}`);

const listed = (side: Side): string =>
  side.cheapest_listed === null ? "None with a price would be allowed." : `By the catalogue's prices, the cheapest that would be allowed costs ${money(side.cheapest_listed)}.`;

type Policy = Record<string, unknown>;

/** One setting of a policy, by the name that a requirement gives it: `providers.only` lies one deeper. */
export function asked(policy: Policy, name: string): unknown {
  const [outer = "", inner] = name.split(".");
  const value = policy[outer];
  return inner === undefined ? value : (value as Policy | undefined)?.[inner];
}

/** What a data class stands for, as the operator has it. */
export const stands = ({ data_policy, durable_record }: ShownClass): string =>
  [...settingsOf(data_policy), ...(durable_record ? ["Each decision is on disk before anything is sent"] : [])].map((one, place) => (place ? one.charAt(0).toLowerCase() + one.slice(1) : one)).join("; ") || "Nothing is asked";

/** The layer that a page is about, what it asks itself, and what the data classes that it names ask. */
export interface Own {
  layer: Layer;
  policy: Policy;
  classes: readonly ShownClass[];
}

/** Who asks a setting in force. Of the page's own layer that may be its data class: then no switch on the page is on. */
export function askers(one: SettingView, own: Own): string {
  const direct = asked(own.policy, one.setting);
  const from = one.layers.includes(own.layer) && JSON.stringify(direct) !== JSON.stringify(one.value) ? own.classes.filter((each) => asked(each.data_policy, one.setting) !== undefined) : [];
  if (from.length === 0) return layers(one.layers);
  // A list is the sum of what all ask; of days and the like one value holds, and it is not the layer's own.
  const others = one.layers.filter((each) => each !== own.layer || Array.isArray(direct));
  return list([...others.map((each) => LAYERS[each] ?? each), ...from.map((each) => `data class ${each.data_class} (${(LAYERS[own.layer] ?? own.layer).replace("the ", "")})`)]);
}
