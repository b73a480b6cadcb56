// Outline icons, 24 by 24, drawn here so that nothing comes from elsewhere. Always beside words, so hidden from screen readers.

const PATHS = {
  activity: "M3 12h4l3-8 4 16 3-8h4",
  shield: "M12 3 4.5 6v5.5c0 4.6 3.2 8 7.5 9.5 4.3-1.5 7.5-4.9 7.5-9.5V6zM9 12l2.2 2.2L15.5 10",
  review: "M9 4h6v3H9zM9 5.500H5.500V21h13V5.500H15M9 13.500l2.200 2.200L15.200 11.500",
  models: "M4 5h16M4 12h16M4 19h16M8 3v4M15 10v4M10 17v4",
  ranking: "M4 20V13h4v7M10 20V5h4v15M16 20v-10h4v10M3 20h18",
  explain: "M12 21a9 9 0 1 0-9-9M9.5 9.2a2.6 2.6 0 1 1 3.7 2.6c-.8.4-1.2 1-1.2 1.9M12 17v.01M3 17h4M5 15v4",
  key: "M14.5 9.5a4 4 0 1 0-3.6 4L9 15.4V18H6.5v2.5H3v-3.2l6.6-6.6M15.5 7.5v.01",
  people: "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c.4-3.8 3-6 6.5-6s6.100 2.200 6.500 6M16 4.300a3.500 3.500 0 0 1 0 6.500M18 14.500c2 .8 3.200 2.700 3.500 5.500",
  stored: "M12 8c4.400 0 8-1.100 8-2.500S16.400 3 12 3 4 4.100 4 5.500 7.600 8 12 8zM4 5.500V18.500C4 19.900 7.600 21 12 21s8-1.100 8-2.500V5.500M4 12c0 1.400 3.600 2.500 8 2.500s8-1.100 8-2.500",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.500 2",
  letter: "M3.500 6h17v12.500h-17zM4 6.500l8 6.500 8-6.500",
  vault: "M4 4h16v15H4zM7 19v2M17 19v2M12 15a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM12 8V6.500M12 16.500V15M15.500 11.500H17",
  chain: "M10 14l4-4M9 10.500 6.500 13a3.500 3.500 0 0 0 5 5L14 15.500M15 13.500 17.500 11a3.500 3.500 0 0 0-5-5L10 8.500",
  send: "M4 12 20 4l-4.500 16-4-6.500zM11.500 13.500 20 4",
  eye: "M2 12s3.600-7 10-7 10 7 10 7-3.600 7-10 7-10-7-10-7zM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6z",
  hidden: "M2 12s3.600-7 10-7 10 7 10 7-3.600 7-10 7-10-7-10-7zM4 20 20 4",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.500 20.500c.6-3.900 3.500-6 7.500-6s6.900 2.100 7.500 6",
  check: "m5 12.500 4.500 4.500L19 7.500",
  cross: "M6 6l12 12M18 6 6 18",
  warn: "M12 4 2.800 20h18.400zM12 10v4.500M12 17.300v.01",
  info: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5.500M12 7.700v.01",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  link: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  plus: "M12 5v14M5 12h14",
  sun: "M12 16.500a4.500 4.500 0 1 0 0-9 4.500 4.500 0 0 0 0 9zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600 19 19M5 19l1.400-1.400M17.600 6.400 19 5",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4 8.500 8.500 0 1 0 20 14.500z",
  download: "M12 4v11M7.500 11 12 15.500 16.500 11M4 20h16",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="1.8" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
