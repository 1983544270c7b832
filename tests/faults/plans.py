"""What happens in a round, and how a seed decides it."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.faults.checker import STRICT, Expectations
from tests.faults.faults import FAULTS
from tests.faults.seeds import random_of
from tests.faults.store import OUR_STORE
from tests.faults.workload import Mix

FAULTS_PER_ROUND = 5
_KEY_BYTES = 16


@dataclass(frozen=True)
class Plan:
    """What happens in a round. The seed decides all that writers and faults draw."""

    seed: int
    faults: Sequence[str]
    module: str = OUR_STORE
    writers: int = 6
    processes: int = 1
    mix: Mix = "all"
    quiet_seconds: float = 1.0
    settings: Mapping[str, str] = field(default_factory=dict)
    expectations: Expectations = STRICT


def random_plan(seed: int, module: str = OUR_STORE, only: Iterable[str] = ()) -> Plan:
    """The plan of a seed: some faults in random order, of those named in `only` if any are.

    The plans of successive seeds deal out a shuffled pack, so that none is left out for long.
    """
    pack = sorted(only or FAULTS)
    random_of(seed // len(pack), "pack").shuffle(pack)
    count = min(FAULTS_PER_ROUND, len(pack))
    dealt = [pack[(seed * count + number) % len(pack)] for number in range(count)]
    random_of(seed, "order").shuffle(dealt)
    processes = random_of(seed, "processes").choice([1, 1, 2, 3])
    settings = our_settings(seed) if module == OUR_STORE else {}
    return Plan(seed, dealt, module, processes=processes, settings=settings)


def our_settings(seed: int) -> Mapping[str, str]:
    """Settings under each of which our store has to pass: as it is, with tiny batches, with binary states."""
    random = random_of(seed, "settings")
    return random.choice([{}, {"MONGODB_BATCH_EVENTS": "3"}, {"COMPRESSOR_TOPIC": "zlib"}, encrypted(seed)])


def encrypted(seed: int) -> dict[str, str]:
    """Settings for compressed and encrypted states, with a key that the seed replays."""
    key = b64encode(random_of(seed, "key").randbytes(_KEY_BYTES)).decode()
    return {"COMPRESSOR_TOPIC": "zlib", "CIPHER_KEY": key}
