"""MQTT for every component: the paho session, its messages and its settings."""

from chelu.bus.messages import Failure, Publication, Received, Will
from chelu.bus.session import Session

__all__ = ["Failure", "Publication", "Received", "Session", "Will"]
