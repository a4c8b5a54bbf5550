"""The quality monitors over what ingest stores: events, hourly assessments and notifications, a window a minute."""
