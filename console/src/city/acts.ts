// What proposals do and what became of a case, in the reader's words.

import type { Key, Words } from "../words/words";
import type { CaseState, Proposal, Severity, Whole } from "./cases";

type Told = (text: string) => string;
type Values = Readonly<Record<string, unknown>>;
type Happened = Whole["history"][number];

const MINUTE_S = 60;

/** What a proposal would do, in a line. */
export function actionOf(action: Proposal["action"], words: Words, told: Told): string {
  const { do: what, ...more } = action;
  switch (what) {
    case "road_event": {
      const { code, text, radius_m: radius, lasting_s: lasting, units, ...rest } = more;
      return joined([
        words("board.do.road_event", { code: textOf(code, told) }),
        text,
        typeof radius === "number" && words("board.do.radius", { metres: radius }),
        typeof lasting === "number" && words("board.do.lasting", { minutes: Math.round(lasting / MINUTE_S) }),
        textOf(units, told),
        ...saidOf(rest, told),
      ]);
    }
    case "signal_plan": {
      const { signals, greens_s: greens, ...rest } = more;
      return joined([words("board.do.signal_plan", { signals: textOf(signals, told), greens: textOf(greens, told) }), ...saidOf(rest, told)]);
    }
    case "command": {
      const { command, selection, parameters, ...rest } = more;
      return joined([words("board.do.command", { command: textOf(command, told) }), textOf(parameters, told), textOf(selection, told), ...saidOf(rest, told)]);
    }
    case "webhook": {
      const { webhook, ...rest } = more;
      return joined([words("board.do.webhook", { webhook: textOf(webhook, told) }), ...saidOf(rest, told)]);
    }
    default:
      return joined([told(what), ...saidOf(more, told)]);
  }
}

/** One entry of a case's history: what happened, and all that is said of it. */
export function happenedOf({ event, detail, comment }: Pick<Happened, "event" | "detail" | "comment">, words: Words, told: Told): readonly [string, string] {
  const [what, more] = (CHANGES[event] ?? SIGNS[event] ?? PROPOSALS[event] ?? anything)(detail, words, told, event);
  return [what, joined([...more, comment])];
}

type Tell = (detail: Values, words: Words, told: Told, event: string) => readonly [string, readonly unknown[]];

const anything: Tell = (detail, _, told, event) => [told(event), saidOf(detail, told)];

const CHANGES: Readonly<Record<string, Tell>> = {
  state: (detail, words) => [words("people.state"), [changeOf(detail, (one) => words(`board.state.${one as CaseState}`))]],
  severity: (detail, words) => [words("alarms.severity"), [changeOf(detail, (one) => words(`alarms.${one as Severity}`))]],
  duty: (detail, words) => [words("board.duty"), [changeOf(detail, (one) => one)]],
};

const ofSign = (name: "opened" | "joined" | "again" | "ended"): Tell => (detail, words, told) => {
  const { sign, text, spot, severity, source, ...rest } = detail;
  const grave = typeof severity === "string" && words(`alarms.${severity as Severity}`);
  return [words(`board.event.${name}`), [textOf(text, told) || textOf(sign, told), spot, grave, textOf(source, told), ...saidOf(rest, told)]];
};
const SIGNS: Readonly<Record<string, Tell>> = { opened: ofSign("opened"), joined: ofSign("joined"), again: ofSign("again"), ended: ofSign("ended") };

const ofProposal = (word: Key): Tell => (detail, words, told) => {
  const { proposal_id: number, rule, do: what, answer, held, ...rest } = detail;
  const limit = typeof held === "string" && words("board.held", { limit: held });
  return [words(word), [`${words("board.proposal")} ${textOf(number, told)}`, rule, textOf(what, told), limit, answer, ...saidOf(rest, told)]];
};
const PROPOSALS: Readonly<Record<string, Tell>> = {
  proposed: ofProposal("board.event.proposed"),
  done: ofProposal("board.proposal.done"),
  failed: ofProposal("board.proposal.failed"),
  rejected: ofProposal("board.proposal.rejected"),
  expired: ofProposal("board.proposal.expired"),
  withdrawn: ofProposal("board.proposal.withdrawn"),
  "taken back": ofProposal("board.event.takenBack"),
};

function changeOf(detail: Values, name: (one: string) => string): string {
  return [detail.from, detail.to].map((one) => (typeof one === "string" && one ? name(one) : "–")).join(" → ");
}

function joined(parts: readonly unknown[]): string {
  return parts.filter((part) => typeof part === "string" && part).join(" · ");
}

/** What has no words of its own, by name. */
function saidOf(values: Values, told: Told): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const text = textOf(value, told);
    return text ? [`${told(name)} ${text}`] : [];
  });
}

function textOf(value: unknown, told: Told): string {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) return value.map((one) => textOf(one, told)).join(", ");
  if (typeof value === "object") return saidOf(value as Values, told).join(", ");
  return typeof value === "string" ? told(value) : JSON.stringify(value);
}
