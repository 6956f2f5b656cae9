"""The router core: broker and dealer without I/O.

A shell attaches connections, hands in their messages and the time, and flushes the peers that the core names. See `Router`.
"""

from ._event_history import PastEvent as PastEvent
from ._grants import Disclosure as Disclosure
from ._grants import Verdict as Verdict
from ._grants import verdict_from_answer as verdict_from_answer
from ._guard import Question as Question
from ._history_journal import HistoryChanges as HistoryChanges
from ._history_journal import HistoryJournal as HistoryJournal
from ._history_rule import HistoryRule as HistoryRule
from ._options import RouterOptions as RouterOptions
from ._options import SlowConsumerPolicy as SlowConsumerPolicy
from ._peer import Peer as Peer
from ._router import Router as Router
from ._rules import Role as Role
from ._rules import Rule as Rule
from ._rules import require_authorizer as require_authorizer
from ._statistics import RouterStatistics as RouterStatistics
