"""MQTT for every component: the paho session, its messages and its settings."""
