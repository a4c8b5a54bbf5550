"""The registry's own surroundings: a real registry, database and broker that share files."""

from tests.integration.registry.conftest import client, mosquitto_port, place, registry, registry_account

__all__ = ["client", "mosquitto_port", "place", "registry", "registry_account"]
