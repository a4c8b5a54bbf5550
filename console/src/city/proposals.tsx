// What rules propose, to be approved or rejected with a word to it.

import { useState } from "react";

import type { Site } from "../api/types";
import { useApi } from "../api/use";
import { writeRoute } from "../layout/route";
import { Ask } from "../parts/ask";
import { Table } from "../parts/table";
import { useTold } from "../words/told";
import { useFormats, useWords } from "../words/words";
import { actionOf } from "./acts";
import type { Proposal } from "./cases";

interface ProposalsProps {
  readonly site: Site;
  readonly proposals: readonly Proposal[];
  readonly isOperator: boolean;
  readonly done: () => void;
  /** Whether each says of which case it is. */
  readonly hasCase?: boolean;
}

interface Deciding {
  readonly proposal: Proposal;
  readonly what: "approve" | "reject";
}

export function Proposals({ site, proposals, isOperator, done, hasCase = false }: ProposalsProps) {
  const words = useWords();
  const api = useApi();
  const told = useTold();
  const { date } = useFormats();
  const [deciding, setDeciding] = useState<Deciding>();
  return (
    <>
      <Table
        label={words("board.proposals")}
        heads={[words("board.proposal"), words("board.rule"), words("board.action"), words("people.state"), words("board.by"), ""]}
        rows={proposals}
        keyOf={(one) => one.proposal_id}
        none={words("board.proposals.none")}
        cells={(one) => [
          hasCase ? <a href={writeRoute("city", `case-${one.case_id}`, { site: site.site_id })}>{words("board.case", { number: one.case_id })}</a> : one.proposal_id,
          one.rule_id,
          <span key="action">
            {actionOf(one.action, words, told)} {one.held && <span className="faint">({words("board.held", { limit: one.held })})</span>}
          </span>,
          <span key="state" className={`mark ${one.state === "done" ? "healthy" : one.state === "failed" ? "offline" : one.state === "proposed" ? "impaired" : ""}`}>
            {words(`board.proposal.${one.state}`)}
          </span>,
          one.settled ? [`${told(one.settled_by ?? "–")}, ${date(one.settled)}`, one.comment, one.answer].filter(Boolean).join(" · ") : words("board.expires", { when: date(one.expires) }),
          one.state === "proposed" && isOperator && (
            <span key="decide" className="row">
              {(["approve", "reject"] as const).map((what) => (
                <button key={what} type="button" className={what === "approve" ? "main" : undefined} onClick={() => setDeciding({ proposal: one, what })}>
                  {words(`board.${what}`)}
                </button>
              ))}
            </span>
          ),
        ]}
      />
      {deciding && (
        <Ask
          title={words(`board.ask.${deciding.what}`, { rule: deciding.proposal.rule_id })}
          action={words(`board.${deciding.what}`)}
          send={(form) => api.send("POST", `/api/sites/${site.site_id}/proposals/${deciding.proposal.proposal_id}/${deciding.what}`, { comment: form.text("comment") }).then(done)}
          close={() => setDeciding(undefined)}
        >
          <p>{actionOf(deciding.proposal.action, words, told)}</p>
          <label>
            {words("alarms.comment")}
            <input name="comment" autoFocus maxLength={200} />
          </label>
        </Ask>
      )}
    </>
  );
}
