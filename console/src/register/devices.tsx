// All devices of a site, searched here as they are typed, with their status beside.

import { useMemo, useState } from "react";

import { allDevices, allHealth } from "../api/pages";
import { type Device, DEVICE_KINDS, type DeviceHealth, type DeviceKind, type Me, type Registered, type Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, headline, Loading } from "../layout/screens";
import { type Column, Rows } from "../parts/rows";
import { hasRole } from "../session/session";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";
import { AddDevice } from "./add";
import { DeviceCard } from "./device";
import { Secret } from "./secret";

const HEALTH_MS = 3000;

export function Devices({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const told = useTold();
  const api = useApi();
  const [soFar, setSoFar] = useState(0);
  const [sought, setSought] = useState("");
  const [kind, setKind] = useState<DeviceKind | "">("");
  const [isAdding, setAdding] = useState(false);
  const [added, setAdded] = useState<Registered>();
  const [opened, setOpened] = useState<string>();
  const devices = useLoaded(`devices ${site.site_id}`, (_, signal) =>
    allDevices(api, { site: site.site_id }, signal, (page) => setSoFar(page.length)),
  );
  const health = useLoaded(`health ${site.site_id}`, (_, signal) => allHealth(api, { site: site.site_id }, signal), HEALTH_MS);
  const status = useMemo(() => new Map(health.value?.map((one) => [one.device_id, one])), [health.value]);
  const shown = useMemo(() => devices.value?.filter((one) => fits(one, sought, kind)) ?? [], [devices.value, sought, kind]);
  const columns = useColumns(status, setOpened);
  const open = devices.value?.find((one) => one.device_id === opened);
  if (!devices.value) {
    if (devices.failure) return <Failed failure={devices.failure} retry={devices.reload} />;
    return soFar ? <p role="status">{words("register.reading", { count: soFar })}</p> : <Loading />;
  }
  const may = hasRole(me, "operator", site.site_id);
  return (
    <>
      <div className="row">
        <label className="inline">
          {words("register.search")}
          <input type="search" value={sought} onChange={(event) => setSought(event.target.value)} />
        </label>
        <label className="inline">
          {words("register.kind")}
          <select value={kind} onChange={(event) => setKind(event.target.value as DeviceKind | "")}>
            <option value="">{words("register.kind.any")}</option>
            {DEVICE_KINDS.map((one) => (
              <option key={one} value={one}>
                {told(one)}
              </option>
            ))}
          </select>
        </label>
        <span className="faint" role="status">
          {words("register.count", { shown: shown.length, count: devices.value.length })}
        </span>
        <span className="end">
          <button type="button" className="main" disabled={!may} title={may ? undefined : words("register.add.needsRole")} onClick={() => setAdding(true)}>
            {words("register.add")}
          </button>
        </span>
      </div>
      {devices.failure && <FailureNote failure={devices.failure} />}
      {health.failure && <p className="note">{words("app.refreshing", { reason: headline(health.failure, words) })}</p>}
      {shown.length ? (
        <Rows label={words("register.devices")} columns={columns} rows={shown} keyOf={(one) => one.device_id} />
      ) : (
        <p className="faint">{words(devices.value.length ? "register.noMatch" : "register.empty")}</p>
      )}
      {isAdding && (
        <AddDevice
          site={site}
          close={() => setAdding(false)}
          done={(registered) => {
            setAdded(registered);
            devices.reload();
          }}
        />
      )}
      {open && (
        <DeviceCard
          me={me}
          device={open}
          close={() => setOpened(undefined)}
          done={(registered) => {
            setAdded(registered);
            devices.reload();
          }}
        />
      )}
      {added?.secret && <Secret device={added.device_id} secret={added.secret} close={() => setAdded(undefined)} />}
    </>
  );
}

function useColumns(status: ReadonlyMap<string, DeviceHealth>, open: (deviceId: string) => void): readonly Column<Device>[] {
  const words = useWords();
  const told = useTold();
  const { time } = useFormats();
  return useMemo(
    () => [
      {
        name: words("register.column.id"),
        width: "minmax(9rem, 1.4fr)",
        cell: (one) => (
          <button type="button" className="quiet" onClick={() => open(one.device_id)}>
            <code>{one.device_id}</code>
          </button>
        ),
      },
      { name: words("register.column.kind"), width: "7rem", cell: (one) => told(one.subtype ?? one.kind) },
      { name: words("register.column.name"), width: "minmax(6rem, 1.4fr)", cell: (one) => one.name || "–" },
      { name: words("register.column.vendor"), width: "minmax(6rem, 1fr)", cell: (one) => [one.vendor, one.model].filter(Boolean).join(" ") || "–" },
      { name: words("register.column.lifecycle"), width: "8rem", cell: (one) => told(one.lifecycle) },
      {
        name: words("register.column.status"),
        width: "9.5rem",
        cell: (one) => {
          const found = status.get(one.device_id)?.status;
          return found ? <span className={`mark ${found}`}>{words(`status.${found}`)}</span> : "–";
        },
      },
      {
        name: words("register.column.heard"),
        width: "7rem",
        cell: (one) => {
          const heard = status.get(one.device_id)?.heard_us;
          return heard ? time(heard) : "–";
        },
      },
    ],
    [status, words, told, time, open],
  );
}

/** Whether a device is of the kind, and each word begins, or is in, what it is called. */
export function fits(device: Device, sought: string, kind: DeviceKind | ""): boolean {
  if (kind && device.kind !== kind) return false;
  const called = [device.device_id, device.name, device.vendor, device.model, device.serial].join(" ").toLowerCase();
  return sought.toLowerCase().split(/\s+/).every((word) => called.includes(word));
}
