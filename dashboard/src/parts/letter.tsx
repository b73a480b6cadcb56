// What somebody writes to the privacy team, or the team back: a field for a letter.

import { Textarea } from "@mantine/core";
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
  return (
    <Textarea
      label={label}
      description={description}
      autosize
      minRows={minRows}
      maxRows={16}
      maxLength={LONGEST_WORDS}
      required={required}
      withAsterisk={false}
      value={value}
      onChange={(event) => set(event.currentTarget.value)}
    />
  );
}
