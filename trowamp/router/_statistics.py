"""What a router counts."""

from __future__ import annotations

import msgspec


class Counters(msgspec.Struct):
    """Numbers that only grow: what was refused or lost since the router began."""

    slow_consumers: int = 0
    dropped_events: int = 0
    oversize_events: int = 0
    refused_publications: int = 0
    denied_requests: int = 0
    late_answers: int = 0
    unwanted_progress: int = 0
    violations: int = 0
    refused_sessions: int = 0
    call_timeouts: int = 0


class RouterStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a router holds now, and what it refused so far.

    Attributes:
        connections: Attached connections, with or without a session.
        sessions: Established sessions.
        realms: Realms, those made on demand included.
        registrations: Registrations; one that several callees share counts once.
        subscriptions: Subscriptions; one that several subscribers share counts once.
        retained_events: Events kept for those who subscribe later.
        past_events: Events kept for the event history.
        calls_in_flight: Calls without a final answer.
        deadlines: Pending deadlines of calls, handshakes and farewells, and of peers that have much to read.
        slow_consumers: Sessions ended because they did not read fast enough.
        dropped_events: Events not delivered to sessions that did not read fast enough.
        oversize_events: Events not delivered because they were too large for the receiver's connection.
        refused_publications: Unacknowledged publications that were dropped: illegal topic, disclosure refused, or a payload that one of the
            receivers' serializers cannot carry.
        denied_requests: Requests, and unacknowledged publications, for which there was no right.
        late_answers: Answers of callees to calls that were over already.
        unwanted_progress: Progressive results that no caller had asked for.
        violations: Sessions and handshakes ended because the peer broke the protocol.
        refused_sessions: Handshakes answered with ABORT: no such realm, authentication failed.
        call_timeouts: Calls ended by their timeout.
        refused_connections: Connections beyond the limit; whoever accepts connections counts them.
        unsaved_events: Past events that wait to be written to a file; whoever writes them counts them, and what follows.
        failed_saves: Attempts to write past events that failed, and were made again.
    """

    connections: int
    sessions: int
    realms: int
    registrations: int
    subscriptions: int
    retained_events: int
    past_events: int
    calls_in_flight: int
    deadlines: int
    slow_consumers: int
    dropped_events: int
    oversize_events: int
    refused_publications: int
    denied_requests: int
    late_answers: int
    unwanted_progress: int
    violations: int
    refused_sessions: int
    call_timeouts: int
    refused_connections: int = 0
    unsaved_events: int = 0
    failed_saves: int = 0
