// What can go wrong between the page and the registry, as values that a screen can put into words.

/** One thing wrong with a request (RFC 9457 document's `errors`): where, what was found, what is allowed. */
export interface Fault {
  readonly field: string;
  readonly value: string;
  readonly allowed: string;
  readonly line?: number;
}

/** A problem document as the registry sends it. */
export interface Problem {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors: readonly Fault[];
}

/** The registry answered, and refused. */
export class RefusedError extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail);
    this.name = "RefusedError";
  }

  get status(): number {
    return this.problem.status;
  }
}

/** Nobody answered. */
export class UnreachableError extends Error {
  constructor(cause: unknown) {
    super("the registry cannot be reached", { cause });
    this.name = "UnreachableError";
  }
}

export type Failure = RefusedError | UnreachableError;

export function asFailure(error: unknown): Failure {
  return error instanceof RefusedError || error instanceof UnreachableError ? error : new UnreachableError(error);
}

/** The problem in an answer's text; one that a proxy made, and that is no document, keeps its status. */
export function readProblem(status: number, title: string, text: string): Problem {
  const plain: Problem = { title, status, detail: title, errors: [] };
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found !== "object" || found === null) return plain;
    const document = found as Partial<Problem>;
    return {
      title: typeof document.title === "string" ? document.title : title,
      status,
      detail: typeof document.detail === "string" ? document.detail : title,
      errors: Array.isArray(document.errors) ? document.errors : [],
    };
  } catch {
    return plain;
  }
}
