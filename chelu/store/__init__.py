"""PostgreSQL with or without TimescaleDB: pool, COPY, migrations, time-series tables."""
