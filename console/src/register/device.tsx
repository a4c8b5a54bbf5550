// One registered device: what the register knows of it, and what can be done with it.

import { useState } from "react";

import type { Device, Me, Registered } from "../api/types";
import { useApi } from "../api/use";
import { Ask, type Form } from "../parts/ask";
import { Dialog } from "../parts/dialog";
import { type Fact, Facts } from "../parts/facts";
import { hasRole } from "../session/session";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";

const STATES = ["planned", "registered", "commissioned", "active", "maintenance", "retired"];

type Deed = "change" | "step" | "secret" | "revoke" | "delete";

interface DeviceCardProps {
  readonly me: Me;
  readonly device: Device;
  readonly close: () => void;
  /** Something of it is different now; a new secret is to be shown. */
  readonly done: (registered?: Registered) => void;
}

export function DeviceCard({ me, device, close, done }: DeviceCardProps) {
  const words = useWords();
  const told = useTold();
  const { date } = useFormats();
  const [deed, setDeed] = useState<Deed>();
  const may = hasRole(me, "operator", device.site_id);
  const facts: readonly Fact[] = [
    ["register.column.kind", told(device.subtype ?? device.kind)],
    ["register.column.name", device.name || "–"],
    ["register.column.vendor", [device.vendor, device.model, device.serial].filter(Boolean).join(" ") || "–"],
    ["register.column.lifecycle", told(device.lifecycle)],
    ["register.device.place", device.latitude_deg === null ? "–" : `${device.latitude_deg}, ${device.longitude_deg ?? ""}`],
    ["register.device.credential", words(device.has_credential ? "register.device.hasCredential" : "register.device.noCredential")],
    ["register.device.since", date(device.created)],
  ];
  const deeds: readonly Deed[] = ["change", "step", "secret", ...(device.has_credential ? (["revoke"] as const) : []), "delete"];
  return (
    <Dialog title={device.device_id} close={close}>
      <div className="stack">
        <Facts facts={facts} />
        <div className="row">
          {deeds.map((one) => (
            <button key={one} type="button" disabled={!may} title={may ? undefined : words("register.device.needsRole")} onClick={() => setDeed(one)}>
              {words(`register.device.${one}`)}
            </button>
          ))}
          <button type="button" className="main" onClick={close}>
            {words("register.device.close")}
          </button>
        </div>
      </div>
      {deed && (
        <Act
          device={device}
          deed={deed}
          close={() => setDeed(undefined)}
          done={(registered) => {
            done(registered);
            close();
          }}
        />
      )}
    </Dialog>
  );
}

function Act({ device, deed, close, done }: { device: Device; deed: Deed; close: () => void; done: (registered?: Registered) => void }) {
  const words = useWords();
  const told = useTold();
  const api = useApi();
  const path = `/api/devices/${encodeURIComponent(device.device_id)}`;

  async function send(form: Form) {
    const registered = deed === "secret" ? await api.send<Registered>("POST", `${path}/credential`) : undefined;
    if (deed === "change") await api.change(path, { name: form.text("name"), latitude_deg: form.number("latitude_deg") ?? null, longitude_deg: form.number("longitude_deg") ?? null }, device.version);
    if (deed === "step") await api.send("POST", `${path}/lifecycle`, { to: form.text("to"), note: form.text("note") });
    if (deed === "revoke") await api.send("DELETE", `${path}/credential`);
    if (deed === "delete") await api.send("DELETE", path);
    done(registered);
  }

  const isDanger = deed === "secret" || deed === "revoke" || deed === "delete";
  return (
    <Ask title={`${words(`register.device.${deed}`)}: ${device.device_id}`} action={words(`register.device.${deed}`)} isDanger={isDanger} send={send} close={close}>
      {isDanger && <p>{words(`register.device.what.${deed}`)}</p>}
      {deed === "change" && (
        <>
          <label>
            {words("register.column.name")}
            <input name="name" defaultValue={device.name} />
          </label>
          <label>
            {words("register.add.latitude")}
            <input name="latitude_deg" type="number" step="any" defaultValue={device.latitude_deg ?? ""} />
          </label>
          <label>
            {words("register.add.longitude")}
            <input name="longitude_deg" type="number" step="any" defaultValue={device.longitude_deg ?? ""} />
          </label>
        </>
      )}
      {deed === "step" && (
        <>
          <label>
            {words("register.column.lifecycle")}
            <select name="to" required>
              {STATES.filter((one) => one !== device.lifecycle).map((one) => (
                <option key={one} value={one}>
                  {told(one)}
                </option>
              ))}
            </select>
          </label>
          <label>
            {words("register.device.note")}
            <input name="note" />
          </label>
        </>
      )}
    </Ask>
  );
}
