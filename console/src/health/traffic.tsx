// What ingest did in the last seconds, over all sites.

import type { Traffic } from "../api/types";
import { useLoaded } from "../api/use";
import { headline } from "../layout/screens";
import { useFormats, useWords } from "../words/words";

const PERIOD_S = 10;
const EVERY_MS = 2000;

export function TrafficCard() {
  const words = useWords();
  const { number } = useFormats();
  const traffic = useLoaded("traffic", (api, signal) => api.get<Traffic>("/api/traffic", { seconds: PERIOD_S }, signal), EVERY_MS);
  const streams = Object.values(traffic.value?.streams ?? {});
  const stored = streams.reduce((sum, one) => sum + one.stored, 0);
  const dropped = streams.reduce((sum, one) => sum + Object.values(one.dropped).reduce((a, b) => a + b, 0), 0);
  const lag = traffic.value?.lag.p99_ms;
  return (
    <section className="card">
      <h2>{words("health.traffic", { seconds: PERIOD_S })}</h2>
      {traffic.failure && <p className="note">{words("app.refreshing", { reason: headline(traffic.failure, words) })}</p>}
      {traffic.value && (
        <table className="plain">
          <tbody>
            <Figure name={words("health.traffic.stored")} value={number(stored / PERIOD_S)} />
            <Figure name={words("health.traffic.dropped")} value={number(dropped)} />
            <Figure name={words("health.traffic.lag")} value={lag == null ? "–" : `${number(lag)} ${words("unit.ms")}`} />
          </tbody>
        </table>
      )}
    </section>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td className="number">{value}</td>
    </tr>
  );
}
