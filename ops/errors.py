"""The errors that an operator sees: each is one line on stderr that says what to do, and an exit code other than 0.

OperatorError
├── BadSettings            settings are missing, or have bad values
├── DatabaseUnusable       MongoDB cannot be reached, or refuses to serve
│   └── NotInitialised     `meal-ledger init` has not been run on the database
├── AddressUnusable        the API cannot listen on its address
├── NotStopped             a projector did not end in time
├── NoTokenHere            tokens are issued in a local environment only            ops.tokens
├── BadToken               the given token cannot be one                            ops.smoke
│
│   of the local environment                                                        ops.local
├── DataFolderUnusable     the folder is in use, or cannot be written               .data_folder
├── BadEnvFile             local.env cannot be read, or cannot hold a value         .env_file
├── IncompleteService      an outside service has an address and no key             .local_values
├── PortInUse              another program listens on the port                      .ports
├── ServerNotStarted       mongod is missing, or did not start                      .mongod_binary
├── ChildEnded             a process that should run has ended, or is not ready     .supervisor
│
│   of the benchmark                                                                ops.bench
├── MeasurementFailed      a measurement could not be made                          .worker
├── PostgresMissing        there is no PostgreSQL to measure                        .postgres
└── UmaDBMissing           there is no UmaDB to measure                             .umadb_peer
"""


class OperatorError(Exception):
    """Something the operator can put right. The message is one line, says what to do, and holds no secret."""


class BadSettings(OperatorError):
    """A setting is bad or missing; the message names every one that is, on one line."""


class DatabaseUnusable(OperatorError):
    """MongoDB cannot be reached with the settings given, or refuses to serve."""


class NotInitialised(DatabaseUnusable):
    """The database lacks what `meal-ledger init` creates; the message names it."""


class AddressUnusable(OperatorError):
    """The API cannot listen on the address that was asked for."""


class NotStopped(OperatorError):
    """A projector did not end in time. Nothing is lost: an uncommitted batch is applied again."""
