// What somebody writes to the privacy team, or the team back: a field for a letter.

import { Textarea } from "@mantine/core";
import { plural } from "../words/format";
import { LONGEST_WORDS } from "../words/requests";

interface Props {
  label: string;
  description: string | undefined;
  minRows: number;
  required?: boolean;
  value: string;
  set: (value: string) => void;
}

export function LetterField({ label, description, minRows, required = true, value, set }: Props) {
  const over = [...value].length - LONGEST_WORDS; // nothing is cut off unseen of what somebody pasted
  return (
    <Textarea
      label={label}
      description={description}
      autosize
      minRows={minRows}
      maxRows={16}
      error={over > 0 && `${plural(over, "character")} too many: shorten it before you send it.`}
      required={required}
      withAsterisk={false}
      value={value}
      onChange={(event) => set(event.currentTarget.value)}
    />
  );
}
