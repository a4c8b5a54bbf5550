"""The load generator: as many vehicles and roadside units as asked, for as long as asked, byte for byte decided by a seed.

For commands there is `chelu load`; for benchmarks::

    settings = LoadSettings(vehicles=10_000, rate_hz=10, seconds=60)          # 100 000 single BSMs a second
    account = Account(Address.read(url), client_id, user, password)           # gateways' sessions, as many as given
    report = Load(settings, [account], SystemClock()).run()                   # blocks; report.streams["bsm"].frames were sent

The devices are `Devices(settings)`; `simulators.load.enrolment.enrolled` registers them and gives the accounts.
Without broker or socket, the source of bytes::

    source = BsmSource(Devices(settings))
    source.begin(start_us)                                                    # the wall's µs at which the load begins
    for portion in source.until(5_000): ...                                   # PUBLISH packets due in the first 5 ms

(import from the modules `settings`, `run`, `connection`, `devices`, `bsm`).
"""
