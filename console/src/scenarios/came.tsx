// What has come so far in a run: its events with their times, and how each requirement stands.

import { useFormats, useWords } from "../words/words";
import { useRequired } from "./required";
import { useSaid } from "./said";
import type { Came, Standing } from "./so-far";

export function CameSoFar({ came, standing, note }: { came: readonly Came[]; standing: readonly Standing[]; note: string }) {
  const words = useWords();
  const said = useSaid();
  const required = useRequired();
  const { number } = useFormats();
  return (
    <div className="came">
      <section>
        <h3>{words("watch.came")}</h3>
        <div role="log" aria-label={words("watch.came")} tabIndex={0} data-testid="came">
          {came.length ? (
            <ol className="lines">
              {came.map((one, row) => (
                <li key={row} data-kind={one.kind} data-what={one.what || one.who} data-at={one.timeS}>
                  <span className="number">{number(one.timeS, 2)} s</span> <Event event={one} />
                </li>
              ))}
            </ol>
          ) : (
            <p className="faint">{words("watch.came.none")}</p>
          )}
        </div>
      </section>
      <section>
        <h3>{words("watch.requirements")}</h3>
        <table className="plain" data-testid="standing">
          <tbody>
            {standing.map((one, row) => (
              <tr key={row} data-state={one.state}>
                <th scope="row">{required(one.title)}</th>
                <td className="number">{said(one.value, one.unit)}</td>
                <td>
                  <span className={`mark ${one.state}`}>{one.state === "open" || one.state === "holds" ? words(`watch.${one.state}`) : words(`verdict.${one.state}`)}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
        <p className="faint small">{note}</p>
      </section>
    </div>
  );
}

function Event({ event: { kind, what, who, about, state } }: { event: Came }) {
  const words = useWords();
  if (kind === "warning") {
    const said = words(`applications.step.${state as "raised"}`);
    return about ? words("watch.event.warning", { what, who, about, state: said }) : words("watch.event.notice", { what, who, state: said });
  }
  return kind === "contact" ? <strong>{words("watch.event.contact", { who, about })}</strong> : words("watch.event.manoeuvre", { what });
}
