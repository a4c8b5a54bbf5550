"""MQTT for every component: sessions that hand over messages one by one (paho) or as columns (bulk), and their values."""

from chelu.bus.batch import Messages, joined, messages_of, no_messages
from chelu.bus.bulk import BulkSession
from chelu.bus.lookup import TopicLookup
from chelu.bus.messages import Failure, Publication, Received, Will
from chelu.bus.posts import Posts, TopicNames
from chelu.bus.session import Session

__all__ = [
    "BulkSession",
    "Failure",
    "Messages",
    "Posts",
    "Publication",
    "Received",
    "Session",
    "TopicLookup",
    "TopicNames",
    "Will",
    "joined",
    "messages_of",
    "no_messages",
]
