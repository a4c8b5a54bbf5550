"""MQTT → columns → quality → store."""
