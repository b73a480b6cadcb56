// Columns over time, as SVG. The same numbers stand in a table for whoever does not see the picture.

import { useElementSize } from "@mantine/hooks";
import { useState } from "react";
import { type Point, ticks } from "../words/series";

interface Column {
  good: number;
  bad: number;
}

const LEFT = 46;
const HEIGHT = 190;
const BOTTOM = 22;

export function Columns({ points, value, shown, said = (column) => `${shown(column.good + column.bad)}${column.bad ? `, of which ${shown(column.bad)} not answered` : ""}`, rest = "var(--bar-2)", label, by }: {
  points: readonly Point[];
  value: (point: Point) => Column;
  shown: (value: number) => string;
  /** What one column says in words. */
  said?: (column: Column) => string;
  /** Colour of the upper part. */
  rest?: string;
  label: string;
  by: "hour" | "day";
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
  const name = (point: Point) => {
    const moment = new Date(point.at * 1000);
    return by === "hour"
      ? moment.toLocaleTimeString("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: "UTC" })
      : moment.toLocaleDateString("en", { month: "short", day: "numeric", timeZone: "UTC" });
  };
  const picked = over === null ? null : points[over];
  const pickedColumn = over === null ? null : columns[over];
  return (
    <figure style={{ margin: 0 }} ref={ref}>
      <div className="small dim num" aria-hidden="true" style={{ minHeight: "1.5em" }}>
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
                <rect x={x} y={y(column.good + column.bad)} width={thick} height={y(column.good) - y(column.good + column.bad)} rx={Math.min(3, thick / 3)} fill={rest} />
              )}
              {place % every === 0 && (
                <text x={x + thick / 2} y={HEIGHT + 16} textAnchor="middle">
                  {name(point)}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <table className="visually-hidden">
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
    </figure>
  );
}

export interface Bar {
  id: string;
  name: React.ReactNode;
  good: number;
  bad?: number;
  text: string;
}

/** A list with a bar for each row, longest first. */
export function Bars({ bars, most = 8 }: { bars: readonly Bar[]; most?: number }) {
  const [all, setAll] = useState(false);
  const sorted = [...bars].sort((one, other) => other.good + (other.bad ?? 0) - one.good - (one.bad ?? 0));
  const top = Math.max(...sorted.map((bar) => bar.good + (bar.bad ?? 0)), 1e-12);
  return (
    <>
      <ul className="bars">
        {(all ? sorted : sorted.slice(0, most)).map((bar) => (
          <li key={bar.id}>
            <div className="head">
              <span>{bar.name}</span>
              <span className="num">{bar.text}</span>
            </div>
            <div className="track" aria-hidden="true">
              <i style={{ width: `${(100 * bar.good) / top}%` }} />
              {bar.bad ? <i className="fail" style={{ width: `${(100 * bar.bad) / top}%` }} /> : null}
            </div>
          </li>
        ))}
      </ul>
      {sorted.length > most && (
        <button type="button" className="sort small" style={{ color: "var(--mantine-color-anchor)", marginTop: 10 }} onClick={() => setAll(!all)}>
          {all ? "Show fewer" : `Show all ${sorted.length}`}
        </button>
      )}
    </>
  );
}
