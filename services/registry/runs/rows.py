"""SQL of runs that are kept: by whoever hands one over, and by the registry that had one run."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

from psycopg.types.json import Jsonb

from services.registry.runs.models import NewRun, summary
from services.registry.track.rows import Execute

COLUMNS = (
    "run_id, site_id, kept, kept_by, began, scenario, title, mode, under_test, build, evidence, verdict, cases, outcomes,"
    " requirements, hashes, seeds, versions"
)
KEEP = f"""INSERT INTO run.scenario_run (site_id, kept_by, began, scenario, title, mode, under_test, build, evidence, verdict,
        cases, outcomes, requirements, hashes, seeds, versions)
    VALUES (%(site_id)s, %(kept_by)s, %(began)s, %(scenario)s, %(title)s, %(mode)s, %(under_test)s, %(build)s, %(evidence)s,
        %(verdict)s, %(cases)s, %(outcomes)s, %(requirements)s, %(hashes)s, %(seeds)s, %(versions)s)
    RETURNING {COLUMNS}"""  # noqa: S608 - constants only
ADD_EVIDENCE = """INSERT INTO run.evidence (run_id, name, bytes, content) VALUES (%s, %s, %s, %s)
    ON CONFLICT (run_id, name) DO UPDATE SET bytes = EXCLUDED.bytes, content = EXCLUDED.content"""
MOST_EVIDENCE_BYTES = 32 * 2**20  # of all files of a run


def keep(connection: Execute, site_id: str, actor: str, run: NewRun) -> dict[str, Any]:
    """Keep a run of a site with its verdict document; the row, in `COLUMNS`."""
    document, about = run.document, run.document.header
    values: dict[str, Any] = {
        **about.model_dump(include={"began", "scenario", "title", "mode", "under_test"}),
        **{name: Jsonb(getattr(about, name)) for name in ("hashes", "seeds", "versions")},
        "site_id": site_id,
        "kept_by": actor,
        "build": run.build,
        "evidence": run.evidence,
        "verdict": document.verdict,
        "cases": len(document.each),
        "outcomes": Jsonb(Counter(case.verdict for case in document.each)),
        "requirements": Jsonb([one.model_dump(mode="json") for one in summary(document)]),
    }
    row = connection.execute(KEEP.encode(), values).fetchone() or {}
    content = zlib.compress(document.model_dump_json(exclude_unset=True).encode())
    connection.execute("INSERT INTO run.verdict (run_id, content) VALUES (%s, %s)", (row["run_id"], content))
    return row


def keep_evidence(connection: Execute, run_id: int, files: Mapping[str, bytes]) -> None:
    """Keep files beside a run, in the place of those of the same name."""
    for name, content in files.items():
        connection.execute(ADD_EVIDENCE, (run_id, name, len(content), zlib.compress(content)))
