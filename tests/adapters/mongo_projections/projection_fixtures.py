"""Clients for the tests of the read side."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo import MongoClient

from adapters.mongo.connection.client import ClientSettings, Document, make_client


@contextmanager
def sync_client(url: str, app_name: str = "projector-test") -> Iterator[MongoClient[Document]]:
    with make_client(ClientSettings(url=url, app_name=app_name)) as client:
        yield client
