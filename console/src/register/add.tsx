// A new device: what it must have, and where it stands if it stands anywhere.

import { type SyntheticEvent, useState } from "react";

import { asFailure, type Failure } from "../api/problem";
import { DEVICE_KINDS, type Registered, type Site } from "../api/types";
import { useApi } from "../api/use";
import { FailureNote } from "../layout/screens";
import { Dialog } from "../parts/dialog";
import { useWords } from "../words/words";

export function AddDevice({ site, close, done }: { site: Site; close: () => void; done: (registered: Registered) => void }) {
  const words = useWords();
  const api = useApi();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);

  function submit(event: SyntheticEvent<HTMLFormElement>) {
    event.preventDefault();
    setBusy(true);
    api
      .send<Registered[]>("POST", "/api/devices", [deviceOf(new FormData(event.currentTarget), site)])
      .then(([registered]) => registered && done(registered))
      .catch((error: unknown) => {
        setFailure(asFailure(error));
        setBusy(false);
      });
  }

  return (
    <Dialog title={words("register.add")} close={close}>
      <form onSubmit={submit}>
        {failure && <FailureNote failure={failure} />}
        <label>
          {words("register.add.id")}
          <input name="device_id" required autoFocus aria-describedby="id-help" autoCapitalize="none" spellCheck={false} />
          <span id="id-help" className="faint small">
            {words("register.add.idHelp")}
          </span>
        </label>
        <label>
          {words("register.kind")}
          <select name="kind">
            {DEVICE_KINDS.map((kind) => (
              <option key={kind}>{kind}</option>
            ))}
          </select>
        </label>
        <label>
          {words("register.add.name")}
          <input name="name" />
        </label>
        <label>
          {words("register.add.latitude")}
          <input name="latitude_deg" type="number" step="any" />
        </label>
        <label>
          {words("register.add.longitude")}
          <input name="longitude_deg" type="number" step="any" />
        </label>
        <div className="row">
          <button type="submit" className="main" disabled={isBusy}>
            {words("register.add.submit")}
          </button>
          <button type="button" onClick={close}>
            {words("register.add.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The request's device: what was left empty is left out, and the registry says what of the rest is wrong. */
export function deviceOf(form: FormData, site: Site): Record<string, unknown> {
  const text = (name: string) => (form.get(name) as string).trim();
  const place = ["latitude_deg", "longitude_deg"].flatMap((name): [string, number][] => (text(name) ? [[name, Number(text(name))]] : []));
  const name = text("name") ? { name: text("name") } : {};
  return { device_id: text("device_id"), kind: text("kind"), site_id: site.site_id, ...name, ...Object.fromEntries(place) };
}
