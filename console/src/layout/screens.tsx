// Honest screens: what is shown where a page has nothing to show, each saying why and what to do.

import { Component, type ReactNode } from "react";

import { type Failure, type Problem, RefusedError } from "../api/problem";
import type { Me, Role } from "../api/types";
import { type Key, useWords, type Words, WordsContext } from "../words/words";
import { toldIn } from "../words/told";
import { refusalIn } from "./refusal";

export function Screen({ title, kicker, children }: { title: string; kicker?: string; children?: ReactNode }) {
  return (
    <section className="screen">
      {kicker && <p className="kicker">{kicker}</p>}
      <h1>{title}</h1>
      {children}
    </section>
  );
}

export function Loading() {
  const words = useWords();
  return (
    <p className="loading" role="status">
      {words("app.loading")}
    </p>
  );
}

const KNOWN = new Set([401, 403, 404, 409, 412, 422, 429, 503]);

/** A failure's headline in the reader's language. */
export function headline(failure: Failure, words: Words): string {
  if (!(failure instanceof RefusedError)) return words("failure.unreachable");
  return KNOWN.has(failure.status)
    ? words(`failure.${failure.status}` as Key)
    : words("failure.other", { status: failure.status });
}

/** A failure in words, for inside a form or a page: the headline, and what the registry says of each field. */
export function FailureNote({ failure }: { failure: Failure }) {
  const words = useWords();
  const refused = failure instanceof RefusedError ? failure.problem : undefined;
  return (
    <div className="note bad" role="alert">
      <strong>{headline(failure, words)}</strong>
      {refused ? <Refusal problem={refused} /> : <p>{words("failure.unreachable.more")}</p>}
    </div>
  );
}

/** What the registry says: field by field, else the sentence of its own, which is English. */
export function Refusal({ problem }: { problem: Problem }) {
  const words = useWords();
  const said = toldIn(words.language, problem.detail);
  if (!problem.errors.length) return said === problem.detail ? <p>{words("failure.said")} <span lang="en">{said}</span></p> : <p>{said}</p>;
  return (
    <ul>
      {problem.errors.map((fault, row) => (
        <li key={row}>{refusalIn(words, fault)}</li>
      ))}
    </ul>
  );
}

/** A whole page that could not be loaded. */
export function Failed({ failure, retry }: { failure: Failure; retry?: () => void }) {
  const words = useWords();
  const refused = failure instanceof RefusedError ? failure.problem : undefined;
  return (
    <Screen title={headline(failure, words)}>
      {refused ? <Refusal problem={refused} /> : <p>{words("failure.unreachable.more")}</p>}
      {retry && (
        <button type="button" onClick={retry}>
          {words("app.reload")}
        </button>
      )}
    </Screen>
  );
}

export function rolesInWords(me: Me, words: Words): string {
  const each = me.roles.map((mine) => `${words(`role.${mine.role}`)} (${mine.site ?? words("screen.allSites")})`);
  return each.join(", ") || words("screen.noRights.nothing");
}

export function NoRights({ me, role, site }: { me: Me; role: Role; site: string }) {
  const words = useWords();
  const values = { role: words(`role.${role}`), site, roles: rolesInWords(me, words) };
  return (
    <Screen title={words("screen.noRights")}>
      <p>{words("screen.noRights.more", values)}</p>
    </Screen>
  );
}

/** A section whose code fails leaves the others working, and a part of it the other parts. Give it a `key` for each section. */
export class Boundary extends Component<{ part: string; children: ReactNode }, { error: Error | undefined }> {
  static contextType = WordsContext;
  declare context: Words;
  override state: { error: Error | undefined } = { error: undefined };

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override componentDidUpdate(before: { part: string }) {
    if (before.part !== this.props.part && this.state.error) this.setState({ error: undefined });
  }

  override render() {
    if (!this.state.error) return this.props.children;
    return (
      <Screen title={this.context("failure.crash")}>
        <p>{this.context("failure.crash.more")}</p>
        <pre>{this.state.error.message}</pre>
        <button type="button" onClick={() => this.setState({ error: undefined })}>
          {this.context("app.reload")}
        </button>
      </Screen>
    );
  }
}
