import psycopg

from chelu.local.ports import accepts
from tests.fix_broker import RunningBroker


def test_each_test_has_an_empty_database_of_its_own(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables == (0,)


def test_broker_accepts_connections_and_comes_back_after_kill(broker: RunningBroker) -> None:
    before = broker.pid
    broker.kill()
    assert broker.pid != before
    assert accepts(broker.port)
