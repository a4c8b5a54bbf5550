"""How the API's reads are judged."""

from __future__ import annotations

from collections import Counter

import numpy as np

from evaluation.bench.api import FILTERED, FILTERS, LISTS, SEARCH, WORDS, Answers, figures, requests
from evaluation.bench.road import Step


def step(rate_per_s: float) -> Step:
    return Step(
        offered_per_s=20_000,
        seconds=10,
        sent=1,
        stored=1,
        dropped={},
        rate_per_s=rate_per_s,
        behind_ms=0,
        latencies=np.empty((0, 2)),
        late_ms=0,
        progress=(),
        cpu_s={"registry": 2.5},
        rss_mb={},
        rss_at_s=(),
    )


def answers(slow: int, status: int = 200) -> Answers:
    found = Answers()
    for number in range(100):
        found.note(FILTERED, 400.0 if number < slow else 4.0, status)
    return found


def test_two_slow_reads_in_a_hundred_a_failure_or_too_few_rows_miss_the_bar() -> None:
    def met(found: Answers, rate_per_s: float = 20_000) -> dict[str, bool]:
        return {figure.key: figure.is_met for figure in figures(answers(0), found, step(rate_per_s)) if figure.key}

    assert set(met(answers(0)).values()) == {True}
    for key in ("api_read_p99_ms", "api_list_100k_p99_ms"):
        assert met(answers(2))[key] is False
    assert met(answers(0, status=503))["api_read_failed"] is False
    assert met(answers(0), rate_per_s=19_000)["api_rows_per_s"] is False


def test_every_sort_of_request_comes_equally_often_and_each_of_its_forms() -> None:
    made = [requests(0, number) for number in range(800)]
    sorts = Counter(sort for sort, _ in made)
    assert set(sorts.values()) == {100}
    assert set(LISTS) < set(sorts)
    for sort, forms in ((FILTERED, FILTERS), (SEARCH, WORDS)):
        assert len({path for each, path in made if each == sort}) == len(forms)
