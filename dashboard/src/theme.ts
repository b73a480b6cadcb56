// Colours and sizes. Contrast is at least 4.5:1 for text in both schemes (tests/dashboard runs axe over every page).

import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from "@mantine/core";

const pine: MantineColorsTuple = [
  "#eaf6f2", "#d2ebe3", "#a6d8c9", "#75c3ac", "#4db194", "#32a182", "#1f9172", "#128063", "#0b7057", "#07533f",
];
const ink: MantineColorsTuple = [
  "#f2f4f4", "#d5dada", "#b4bcbc", "#8f9a9a", "#6a7676", "#3b4746", "#222c2a", "#1d2525", "#141a1a", "#0d1212",
];

export const theme = createTheme({
  primaryColor: "pine",
  colors: { pine, dark: ink },
  primaryShade: { light: 7, dark: 7 },
  defaultRadius: "md",
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
  headings: { fontWeight: "650", sizes: { h1: { fontSize: "1.55rem", lineHeight: "1.25" }, h2: { fontSize: "1.1rem", lineHeight: "1.35" } } },
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Modal: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    SegmentedControl: { defaultProps: { withItemsBorders: false } },
  },
});

export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f6f7f6",
    "--mantine-color-text": "#17201e",
    "--mantine-color-dimmed": "#57625f",
    "--mantine-color-placeholder": "#67726f",
    "--mantine-color-anchor": "#0b6b53",
    "--mantine-color-error": "#b3261e",
    "--mantine-color-pine-light-color": "#0a6049",
  },
  dark: {
    "--mantine-color-body": "#0f1514",
    "--mantine-color-text": "#e4eae8",
    "--mantine-color-dimmed": "#9daaa6",
    "--mantine-color-placeholder": "#8b9894",
    "--mantine-color-anchor": "#6cd0b3",
    "--mantine-color-error": "#ff9b8f",
    "--mantine-color-pine-light-color": "#8fdcc4",
  },
});
