// Columns over time, as SVG. The same numbers stand in a table for whoever does not see the picture.

import { useElementSize } from "@mantine/hooks";
import { type KeyboardEvent, useState } from "react";
import { type Point, ticks } from "../words/series";

/** `bad` stands on top of `good`. */
export interface Column {
  good: number;
  bad: number;
}

const LEFT = 46;
const HEIGHT = 190;
const BOTTOM = 22;
/** Half of a label under the columns: the last one must not be cut off. */
const HALF = 20;

export function Columns({ points, value, shown, said, label, by, slow = false }: {
  points: readonly Point[];
  value: (point: Point) => Column;
  shown: (value: number) => string;
  said: (column: Column) => string;
  label: string;
  by: "hour" | "day";
  /** What stands on top is no failure. */
  slow?: boolean;
}) {
  const [over, setOver] = useState<number | null>(null);
  const { ref, width: measured } = useElementSize();
  const width = Math.max(measured, 240);
  const columns = points.map(value);
  const scale = ticks(Math.max(...columns.map((column) => column.good + column.bad), 0));
  const top = scale.at(-1) ?? 1;
  const slot = (width - LEFT) / Math.max(points.length, 1);
  const thick = Math.min(slot * 0.72, 56);
  const y = (amount: number) => 8 + (HEIGHT - 8) * (1 - amount / top);
  const every = Math.max(1, Math.ceil((points.length * 70) / width));
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined || points.length === 0) return;
    event.preventDefault();
    setOver((before) => Math.min(points.length - 1, Math.max(0, before === null ? points.length - 1 : before + step)));
  };
  const name = (point: Point) => {
    const moment = new Date(point.at * 1000);
    return by === "hour"
      ? moment.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" })
      : moment.toLocaleDateString("en", { month: "short", day: "numeric", timeZone: "UTC" });
  };
  const picked = over === null ? null : points[over];
  const pickedColumn = over === null ? null : columns[over];
  return (
    <figure style={{ margin: 0 }} ref={ref} tabIndex={0} role="group" aria-label={`${label}: arrow keys go through it`} onKeyDown={move} onBlur={() => setOver(null)}>
      <div className="small dim num" aria-live="polite" style={{ minHeight: "1.5em" }}>
        {picked && pickedColumn ? `${picked.label} UTC: ${said(pickedColumn)}` : " "}
      </div>
      <svg className="chart" width={width} height={HEIGHT + BOTTOM} role="img" aria-label={label} onMouseLeave={() => setOver(null)}>
        {scale.map((tick) => (
          <g key={tick}>
            <line x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} stroke="var(--grid)" />
            <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {shown(tick)}
            </text>
          </g>
        ))}
        {points.map((point, place) => {
          const column = columns[place] as Column;
          const x = LEFT + slot * place + (slot - thick) / 2;
          return (
            <g key={point.label} onMouseEnter={() => setOver(place)}>
              <rect x={LEFT + slot * place} y={0} width={slot} height={HEIGHT} fill={over === place ? "var(--panel-2)" : "transparent"} />
              <rect x={x} y={y(column.good)} width={thick} height={HEIGHT - y(column.good)} rx={Math.min(3, thick / 3)} fill="var(--bar)" />
              {column.bad > 0 && (
                <rect x={x} y={y(column.good + column.bad)} width={thick} height={y(column.good) - y(column.good + column.bad)} rx={Math.min(3, thick / 3)} fill={slow ? "var(--bar-old)" : "var(--bar-2)"} />
              )}
              {place % every === 0 && (
                <text x={Math.min(x + thick / 2, width - HALF)} y={HEIGHT + 16} textAnchor="middle">
                  {name(point)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <div className="visually-hidden">
        <table>
          <caption>{label}</caption>
          <tbody>
            {points.map((point, place) => (
              <tr key={point.label}>
                <th scope="row">{point.label}</th>
                <td>{said(columns[place] as Column)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}
