// Devices from a file: looked through first, with everything that is bad by line, then registered; their secrets are given once.

import { type SyntheticEvent, useMemo, useState } from "react";

import { asFailure, type Failure } from "../api/problem";
import type { Me, Registered, Site } from "../api/types";
import { useApi } from "../api/use";
import { allowedIn } from "../layout/allowed";
import { fieldIn } from "../layout/refusal";
import { FailureNote, NoRights } from "../layout/screens";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { useFormats, useWords } from "../words/words";

interface Bad {
  readonly line: number;
  readonly field: string;
  readonly value: string;
  readonly allowed: string;
}

interface Report {
  readonly records: number;
  readonly good: number;
  readonly faults: readonly Bad[];
  readonly registered: readonly Registered[];
}

export function Import({ me, site }: { me: Me; site: Site }) {
  return hasRole(me, "operator", site.site_id) ? <Importing /> : <NoRights me={me} role="operator" site={site.site_id} />;
}

function Importing() {
  const words = useWords();
  const api = useApi();
  const { number } = useFormats();
  const [file, setFile] = useState<File>();
  const [report, setReport] = useState<Report>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);

  function send(chosen: File, isDry: boolean) {
    setBusy(true);
    setFailure(undefined);
    // Bad rows are skipped because somebody has seen which: the button says how many there are.
    api
      .upload<Report>("/api/import/devices", chosen, typeOf(chosen), { dry_run: isDry, skip_bad: true })
      .then(setReport, (error: unknown) => setFailure(asFailure(error)))
      .finally(() => setBusy(false));
  }

  function choose(event: SyntheticEvent<HTMLInputElement>) {
    const chosen = event.currentTarget.files?.[0];
    setFile(chosen);
    setReport(undefined);
    if (chosen) send(chosen, true);
  }

  const bad = report ? report.records - report.good : 0;
  return (
    <>
      <label className="narrow">
        {words("import.file")}
        <input type="file" accept=".csv,.geojson,.json" onChange={choose} aria-describedby="file-help" />
        <span id="file-help" className="faint small">
          {words("import.help")}
        </span>
      </label>
      {failure && <FailureNote failure={failure} />}
      {report && (
        <p role="status" data-testid="import" data-good={report.good} data-bad={bad}>
          {words(report.registered.length ? "import.done" : "import.found", { records: number(report.records), good: number(report.good), bad: number(bad) })}
        </p>
      )}
      {report && file && !report.registered.length && (
        <p>
          <button type="button" className="main" disabled={isBusy || !report.good} onClick={() => send(file, false)}>
            {words(bad ? "import.good" : "import.all", { good: number(report.good), bad: number(bad) })}
          </button>
        </p>
      )}
      {report && report.registered.length > 0 && <Secrets registered={report.registered} />}
      {report && report.faults.length > 0 && <BadRows faults={report.faults} />}
    </>
  );
}

/** By its name, since browsers do not know every type. */
export function typeOf(file: File): string {
  return /\.(geo)?json$/i.test(file.name) ? "application/geo+json" : "text/csv";
}

function Secrets({ registered }: { registered: readonly Registered[] }) {
  const words = useWords();
  const given = registered.filter((one) => one.secret);
  if (!given.length) return null;
  const place = `data:text/csv;charset=utf-8,${encodeURIComponent(secretsCsv(given))}`;
  return (
    <p className="note">
      {words("import.secrets")}{" "}
      <a href={place} download="secrets.csv" data-testid="secrets">
        secrets.csv
      </a>
    </p>
  );
}

export function secretsCsv(registered: readonly Registered[]): string {
  return ["device_id,secret", ...registered.map((one) => `${one.device_id},${one.secret ?? ""}`), ""].join("\n");
}

function BadRows({ faults }: { faults: readonly Bad[] }) {
  const words = useWords();
  const columns = useMemo<readonly Column<Bad>[]>(
    () => [
      { name: words("import.line"), width: "5rem", cell: (one) => one.line },
      { name: words("config.field"), width: "minmax(12rem, 1fr)", cell: (one) => <span title={one.field}>{fieldIn(words, one.field)}</span> },
      { name: words("import.value"), width: "minmax(8rem, 1fr)", cell: (one) => <code title={one.value}>{one.value}</code> },
      { name: words("import.allowed"), width: "minmax(12rem, 2fr)", cell: (one) => <span title={one.allowed}>{allowedIn(words, one.allowed)}</span> },
    ],
    [words],
  );
  return (
    <>
      <h2>{words("import.bad")}</h2>
      <Rows label={words("import.bad")} columns={columns} rows={faults} keyOf={(one) => `${one.line} ${one.field} ${one.value}`} />
    </>
  );
}
