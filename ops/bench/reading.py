"""Reading a long log, and replaying streams."""

from itertools import islice
from time import perf_counter

from ops.bench.samples import appends
from ops.bench.stores import StoreName, Stores

EVENTS_PER_STREAM = 10
_PAGE = 1000
_STREAMS_AT_ONCE = 10


def fill(stores: Stores, name: StoreName, events: int, seed: int) -> None:
    """Write the log that is read: streams of ten events. The bare driver reads the store's own documents."""
    store = stores.get(name, "reads")
    streams = appends(store.states, EVENTS_PER_STREAM, seed)
    per_append = EVENTS_PER_STREAM * _STREAMS_AT_ONCE
    for _ in range(events // per_append):
        store.append([event for stream in islice(streams, _STREAMS_AT_ONCE) for event in stream])


def read_log(stores: Stores, name: StoreName, events: int) -> float:
    """Events per second of the whole log, page by page, as the store returns them."""
    store = stores.get(name, "reads")
    began = perf_counter()
    found = sum(store.read_log(after, _PAGE) for after in range(0, events, _PAGE))
    elapsed = perf_counter() - began
    _expect(found, events)
    return found / elapsed


def read_undecoded(stores: Stores, events: int) -> float:
    """The same by the bare driver, which leaves the batches as they are."""
    store = stores.driver("reads")
    began = perf_counter()
    for after in range(0, events, _PAGE):
        store.read_log_undecoded(after, _PAGE)
    return events / (perf_counter() - began)


def read_domain_events(stores: Stores, name: StoreName, events: int) -> float:
    """The same by a recorder, with the domain event of each."""
    store = stores.recorder(name, "reads")
    recorder, to_domain_event = store.recorder, store.mapper.to_domain_event
    began = perf_counter()
    for after in range(0, events, _PAGE):
        for notification in recorder.select_notifications(after, _PAGE, inclusive_of_start=False):
            to_domain_event(notification)
    return events / (perf_counter() - began)


def replay(stores: Stores, name: StoreName, streams: int, seed: int) -> float:
    """Streams per second, one after the other."""
    store = stores.get(name, "reads")
    states = stores.recorder("store", "reads").states
    wanted = [events[0].originator_id for events in islice(appends(states, EVENTS_PER_STREAM, seed), streams)]
    began = perf_counter()
    found = sum(store.read_stream(stream) for stream in wanted)
    elapsed = perf_counter() - began
    _expect(found, streams * EVENTS_PER_STREAM)
    return streams / elapsed


def _expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise RuntimeError(f"{found} events were read where there are {wanted}")
