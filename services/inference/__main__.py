"""Starts inference: `python -m services.inference`. SIGTERM or SIGINT ends it in order."""

from __future__ import annotations

import gc
import os
import sys
import threading
import uuid
from collections.abc import Mapping

from chelu import daemon
from chelu.bus import BulkSession
from chelu.clock import clock_of
from chelu.codec.cv2x_spec import spec
from chelu.store import Database, failures
from services.inference.city.announcing import Announcer
from services.inference.city.control.office import subscriptions as signal_subscriptions
from services.inference.city.environment.desk import EnvironmentDesk
from services.inference.city.environment.findings import STANDING, standing_of
from services.inference.city.findings import UNENDED, unended
from services.inference.city.forecast.desk import ForecastDesk
from services.inference.city.forecast.stored import segments_of
from services.inference.city.live import StateDesk, parameters_of
from services.inference.coop.office import Lost
from services.inference.coop.office import subscriptions as coop_subscriptions
from services.inference.coop.records import OPEN_SESSIONS
from services.inference.inbox import subscriptions
from services.inference.motion_model import OnnxMotionModel, shipped
from services.inference.parameters import read_site_values
from services.inference.service import Service
from services.inference.settings import load
from services.inference.storage import Item, Storage, prepare
from services.inference.watch import Watch


def main() -> int:
    """Run until told to stop; 1 and one sentence when it cannot start."""
    # The session reads while the evaluating thread works; at the default of 5 ms it would wait for it at every buffer.
    sys.setswitchinterval(0.0002)
    return daemon.main("inference", lambda stopping: _run(os.environ, stopping))


def _run(environ: Mapping[str, str], stopping: threading.Event) -> None:
    settings, clock = load(environ), clock_of(environ)
    database = Database(daemon.required(environ, "CHELU_DATABASE_URL"), application="chelu inference", pool_size=2)
    url = daemon.required(environ, "CHELU_MQTT_URL")
    model = OnnxMotionModel(settings.model_file or shipped()) if settings.use_model else None
    database.wait(timeout_s=settings.wait_s, clock=clock)
    with database.connect(autocommit=True) as connection, failures(database.url, "preparing schema city"):
        prepare(connection)
        begun = unended(connection.execute(UNENDED))
        lost = [Lost(str(row[0]), *row[1:]) for row in connection.execute(OPEN_SESSIONS)]
        standing = standing_of(connection.execute(STANDING).fetchall())
    watch, storage = Watch(database, clock), Storage(database, clock, limit_rows=settings.storage_rows)
    session = BulkSession(
        url,
        client_id=settings.client_id,
        clock=clock,
        subscriptions=(*subscriptions(), *coop_subscriptions(), *signal_subscriptions()),
        inbox_limit=settings.inbox_messages,
    )
    register = watch.first()
    values = read_site_values(settings.parameters_file)
    environment = EnvironmentDesk(values, lambda table, rows: storage.put(Item(table, rows)), lambda: str(uuid.uuid4()), standing)
    forecast = ForecastDesk(
        lambda site_id, end_us: segments_of(database, site_id, end_us), session.publish, storage.put,
        Announcer(session.publish, storage.put, clock), settings.forecast_directory,
    )  # fmt: skip
    state = StateDesk(
        parameters_of(values), session.publish, storage.put, clock,
        unended=begun, forecast=forecast.take,
    )  # fmt: skip
    storage.start()
    session.start()
    try:
        session.wait_connected(settings.wait_s)
        service = Service(
            settings, session=session, storage=storage, watch=watch, register=register, model=model, clock=clock,
            new_id=lambda: str(uuid.uuid4()), lost=lost, state=state, environment=environment,
            forecast=forecast,
        )  # fmt: skip
        spec()  # else the first messages would wait a quarter of a second for it
        gc.collect()
        gc.freeze()  # what is here now stays: no collection needs to look at it again while warnings wait
        daemon.say_ready(environ)
        service.run(stopping.is_set)
    finally:
        state.stop()
        environment.stop()
        forecast.stop()
        session.stop()
        storage.stop(timeout_s=5.0)
        watch.stop()
        database.close()


if __name__ == "__main__":
    sys.exit(main())
