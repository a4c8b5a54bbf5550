"""Alarms: raised by whoever finds something, acknowledged by people, told to webhooks. `rows` is what other parts call."""
