"""The router core: broker and dealer without I/O.

A shell attaches connections, hands in their messages and the time, and flushes the peers that the core names. See `Router`.
"""

from ._event_history import HistoryRule as HistoryRule
from ._options import Disclosure as Disclosure
from ._options import RouterOptions as RouterOptions
from ._options import SlowConsumerPolicy as SlowConsumerPolicy
from ._peer import Peer as Peer
from ._router import Router as Router
from ._statistics import RouterStatistics as RouterStatistics
