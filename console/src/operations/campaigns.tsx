// Campaigns: a configuration or a package for many devices in waves, how far each has come, and who decides that it goes on.

import { useState } from "react";

import { asFailure, type Failure } from "../api/problem";
import type { Me, Site } from "../api/types";
import { useApi, useLoaded } from "../api/use";
import { Failed, FailureNote, Loading } from "../layout/screens";
import { Ask, type Form } from "../parts/ask";
import { Identifier } from "../parts/asked";
import { hasRole } from "../session/session";
import { useFormats, useWords } from "../words/words";
import { Fields, selectionOf } from "./configuration";
import type { Package } from "./firmware";

interface Wave {
  readonly devices: number;
  readonly waiting: number;
  readonly open: number;
  readonly good: number;
  readonly bad: number;
  readonly skipped: number;
  readonly overtaken?: number;
}

type Phase = "running" | "paused" | "stopped" | "done" | "rolling back" | "rolled back";
interface Campaign {
  readonly campaign_id: string;
  readonly actor: string;
  readonly topic: "config" | "upgrade";
  readonly change: Readonly<Record<string, unknown>> | null;
  readonly package_id: number | null;
  readonly phase: string;
  readonly reason: string;
  readonly created: string;
  readonly devices: number;
  readonly waves: readonly Wave[];
  readonly back: Omit<Wave, "devices">;
}

const EVERY_MS = 1500;
type Step = "pause" | "resume" | "roll-back";
const STEPS: Readonly<Partial<Record<string, readonly Step[]>>> = {
  running: ["pause", "roll-back"],
  paused: ["resume", "roll-back"],
  stopped: ["resume", "roll-back"],
  done: ["roll-back"],
};

export function Campaigns({ me, site }: { me: Me; site: Site }) {
  const words = useWords();
  const [isAdding, setAdding] = useState(false);
  const loaded = useLoaded("campaigns", (api, signal) => api.get<readonly Campaign[]>("/api/campaigns", {}, signal), EVERY_MS);
  if (!loaded.value) return loaded.failure ? <Failed failure={loaded.failure} retry={loaded.reload} /> : <Loading />;
  const isOperator = hasRole(me, "operator", site.site_id);
  return (
    <>
      {loaded.failure && <FailureNote failure={loaded.failure} />}
      <div className="row">
        <span className="faint">{words("campaigns.about")}</span>
        <span className="end">
          <button type="button" className="main" disabled={!isOperator} title={isOperator ? undefined : words("operations.needsRole")} onClick={() => setAdding(true)}>
            {words("campaigns.add")}
          </button>
        </span>
      </div>
      {!loaded.value.length && <p className="faint">{words("campaigns.none")}</p>}
      {loaded.value.map((one) => (
        <CampaignCard key={one.campaign_id} campaign={one} isOperator={isOperator} reload={loaded.reload} />
      ))}
      {isAdding && <Begin site={site} close={() => setAdding(false)} done={loaded.reload} />}
    </>
  );
}

function CampaignCard({ campaign, isOperator, reload }: { campaign: Campaign; isOperator: boolean; reload: () => void }) {
  const words = useWords();
  const api = useApi();
  const { date } = useFormats();
  const [failure, setFailure] = useState<Failure>();
  const isBack = campaign.phase.startsWith("roll");

  function enter(step: string) {
    api.send("POST", `/api/campaigns/${encodeURIComponent(campaign.campaign_id)}/${step}`, step === "resume" ? {} : undefined).then(reload, (error: unknown) => setFailure(asFailure(error)));
  }

  return (
    <section className="card" data-testid={`campaign-${campaign.campaign_id}`} data-phase={campaign.phase}>
      <div className="row">
        <h2>{campaign.campaign_id}</h2>
        <span className={`mark ${campaign.phase === "done" ? "healthy" : campaign.phase === "stopped" ? "offline" : "impaired"}`}>{words(`campaigns.phase.${campaign.phase as Phase}`)}</span>
        {isOperator && (
          <span className="end row">
            {(STEPS[campaign.phase] ?? []).map((step) => (
              <button key={step} type="button" onClick={() => enter(step)}>
                {words(`campaigns.step.${step}`)}
              </button>
            ))}
          </span>
        )}
      </div>
      {failure && <FailureNote failure={failure} />}
      <p className="faint">
        {campaign.actor} · {date(campaign.created)} · {campaign.change ? <code>{JSON.stringify(campaign.change)}</code> : words("campaigns.package", { number: campaign.package_id ?? 0 })}
        {campaign.reason && ` · ${campaign.reason}`}
      </p>
      {campaign.waves.map((wave, at) => (
        <Bar key={at} label={words("campaigns.wave", { number: at + 1, devices: wave.devices })} wave={wave} />
      ))}
      {isBack && <Bar label={words("campaigns.back")} wave={{ ...campaign.back, devices: campaign.back.waiting + campaign.back.open + campaign.back.good + campaign.back.bad + campaign.back.skipped }} />}
    </section>
  );
}

function Bar({ label, wave }: { label: string; wave: Wave }) {
  const words = useWords();
  const { devices, good, bad, open, waiting, skipped, overtaken = 0 } = wave;
  return (
    <p className="row">
      <label className="inline">
        {label} <progress max={devices || 1} value={good + bad + skipped + overtaken} />
      </label>
      <span className="faint">
        {words("campaigns.counts", { good, bad, open, waiting })}
        {skipped > 0 && ` · ${words("campaigns.skipped", { count: skipped })}`}
        {overtaken > 0 && ` · ${words("campaigns.overtaken", { count: overtaken })}`}
      </span>
    </p>
  );
}

function Begin({ site, close, done }: { site: Site; close: () => void; done: () => void }) {
  const words = useWords();
  const api = useApi();
  const [what, setWhat] = useState<"config" | "upgrade">("config");
  const packages = useLoaded("packages", (api, signal) => api.get<readonly Package[]>("/api/packages", {}, signal));

  async function send(form: Form) {
    const about = what === "config" ? { change: { [form.text("field")]: form.value("value") } } : { package_id: form.number("package_id") };
    const waves = form.text("waves").split(/[\s,]+/).filter(Boolean).map((share) => Number(share) / 100);
    await api.send("POST", "/api/campaigns", { campaign_id: form.text("campaign_id"), selection: selectionOf(form, site), waves, ...about });
    done();
  }

  return (
    <Ask title={words("campaigns.add")} action={words("campaigns.begin")} send={send} close={close}>
      <Identifier name="campaign_id" />
      <label>
        {words("campaigns.what")}
        <select value={what} onChange={(event) => setWhat(event.target.value as "config" | "upgrade")}>
          <option value="config">{words("operations.config")}</option>
          <option value="upgrade">{words("operations.firmware")}</option>
        </select>
      </label>
      <Fields key={what} isChange={what === "config"} />
      {what === "upgrade" && (
        <label>
          {words("operations.firmware")}
          <select name="package_id" required>
            {(packages.value ?? []).map((one) => (
              <option key={one.package_id} value={one.package_id}>
                {one.name} {one.version}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        {words("campaigns.waves")}
        <input name="waves" defaultValue="5, 25, 100" required />
      </label>
    </Ask>
  );
}
