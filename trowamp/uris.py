"""The URIs that the WAMP specification (and common practice) gives a meaning to, and the rules for URIs and patterns of one's own."""

from __future__ import annotations

from typing import Final

from ._uri_pattern import Match as Match  # noqa: PLC0414 - public from here
from ._uri_pattern import UriPattern as UriPattern  # noqa: PLC0414 - public from here
from ._uri_pattern import is_pattern as is_pattern  # noqa: PLC0414 - public from here
from ._uri_pattern import is_uri as is_uri  # noqa: PLC0414 - public from here

# Errors of the Basic Profile
ERROR_INVALID_URI: Final = "wamp.error.invalid_uri"
ERROR_NO_SUCH_PROCEDURE: Final = "wamp.error.no_such_procedure"
ERROR_PROCEDURE_ALREADY_EXISTS: Final = "wamp.error.procedure_already_exists"
ERROR_NO_SUCH_REGISTRATION: Final = "wamp.error.no_such_registration"
ERROR_NO_SUCH_SUBSCRIPTION: Final = "wamp.error.no_such_subscription"
ERROR_NO_SUCH_SESSION: Final = "wamp.error.no_such_session"
ERROR_INVALID_ARGUMENT: Final = "wamp.error.invalid_argument"
ERROR_PAYLOAD_SIZE_EXCEEDED: Final = "wamp.error.payload_size_exceeded"
ERROR_NOT_AUTHORIZED: Final = "wamp.error.not_authorized"
ERROR_AUTHORIZATION_FAILED: Final = "wamp.error.authorization_failed"
ERROR_NO_SUCH_REALM: Final = "wamp.error.no_such_realm"
ERROR_NO_SUCH_ROLE: Final = "wamp.error.no_such_role"
ERROR_PROTOCOL_VIOLATION: Final = "wamp.error.protocol_violation"

# Errors of the Advanced Profile
ERROR_CANCELED: Final = "wamp.error.canceled"
ERROR_CANCELLED: Final = "wamp.error.cancelled"  # a misspelling in the specification's prose: accepted, never sent
ERROR_TIMEOUT: Final = "wamp.error.timeout"
ERROR_UNAVAILABLE: Final = "wamp.error.unavailable"
ERROR_NO_AVAILABLE_CALLEE: Final = "wamp.error.no_available_callee"
ERROR_FEATURE_NOT_SUPPORTED: Final = "wamp.error.feature_not_supported"
ERROR_OPTION_NOT_ALLOWED: Final = "wamp.error.option_not_allowed"
ERROR_DISCLOSE_ME_DISALLOWED: Final = "wamp.error.option_disallowed.disclose_me"
ERROR_NETWORK_FAILURE: Final = "wamp.error.network_failure"
ERROR_NO_MATCHING_AUTH_METHOD: Final = "wamp.error.no_matching_auth_method"
ERROR_NO_AUTH_METHOD: Final = "wamp.error.no_auth_method"  # what Autobahn and Crossbar send for the one above
ERROR_NO_SUCH_PRINCIPAL: Final = "wamp.error.no_such_principal"
ERROR_AUTHENTICATION_DENIED: Final = "wamp.error.authentication_denied"
ERROR_AUTHENTICATION_REQUIRED: Final = "wamp.error.authentication_required"
ERROR_AUTHENTICATION_FAILED: Final = "wamp.error.authentication_failed"

# Errors by common practice
ERROR_RUNTIME_ERROR: Final = "wamp.error.runtime_error"
ERROR_INVALID_PAYLOAD: Final = "wamp.error.invalid_payload"
ERROR_CANNOT_AUTHENTICATE: Final = "wamp.error.cannot_authenticate"
ERROR_UNREGISTERED: Final = "wamp.error.unregistered"
ERROR_NO_PAYLOAD_CODEC: Final = "wamp.error.no_payload_codec"
ERROR_DECRYPT_ERROR: Final = "wamp.error.encryption.decrypt_error"
ERROR_TRUSTED_URI_MISMATCH: Final = "wamp.error.encryption.trusted_uri_mismatch"

# Errors of trowamp's router
ERROR_LIMIT_REACHED: Final = "trowamp.error.limit_reached"

# Reasons of GOODBYE and ABORT
CLOSE_CLOSE_REALM: Final = "wamp.close.close_realm"
CLOSE_GOODBYE_AND_OUT: Final = "wamp.close.goodbye_and_out"
CLOSE_SYSTEM_SHUTDOWN: Final = "wamp.close.system_shutdown"
CLOSE_KILLED: Final = "wamp.close.killed"
CLOSE_NORMAL: Final = "wamp.close.normal"

# Procedures of the session meta API
SESSION_COUNT: Final = "wamp.session.count"
SESSION_LIST: Final = "wamp.session.list"
SESSION_GET: Final = "wamp.session.get"
SESSION_KILL: Final = "wamp.session.kill"
SESSION_KILL_BY_AUTHID: Final = "wamp.session.kill_by_authid"
SESSION_KILL_BY_AUTHROLE: Final = "wamp.session.kill_by_authrole"
SESSION_KILL_ALL: Final = "wamp.session.kill_all"
SESSION_ADD_TESTAMENT: Final = "wamp.session.add_testament"
SESSION_FLUSH_TESTAMENTS: Final = "wamp.session.flush_testaments"

# Procedures of the registration meta API
REGISTRATION_LIST: Final = "wamp.registration.list"
REGISTRATION_LOOKUP: Final = "wamp.registration.lookup"
REGISTRATION_MATCH: Final = "wamp.registration.match"
REGISTRATION_GET: Final = "wamp.registration.get"
REGISTRATION_LIST_CALLEES: Final = "wamp.registration.list_callees"
REGISTRATION_COUNT_CALLEES: Final = "wamp.registration.count_callees"
REGISTRATION_REMOVE_CALLEE: Final = "wamp.registration.remove_callee"

# Procedures of the subscription meta API
SUBSCRIPTION_LIST: Final = "wamp.subscription.list"
SUBSCRIPTION_LOOKUP: Final = "wamp.subscription.lookup"
SUBSCRIPTION_MATCH: Final = "wamp.subscription.match"
SUBSCRIPTION_GET: Final = "wamp.subscription.get"
SUBSCRIPTION_LIST_SUBSCRIBERS: Final = "wamp.subscription.list_subscribers"
SUBSCRIPTION_COUNT_SUBSCRIBERS: Final = "wamp.subscription.count_subscribers"
SUBSCRIPTION_GET_EVENTS: Final = "wamp.subscription.get_events"
SUBSCRIPTION_REMOVE_SUBSCRIBER: Final = "wamp.subscription.remove_subscriber"

# Topics of the meta API
SESSION_ON_JOIN: Final = "wamp.session.on_join"
SESSION_ON_LEAVE: Final = "wamp.session.on_leave"
REGISTRATION_ON_CREATE: Final = "wamp.registration.on_create"
REGISTRATION_ON_REGISTER: Final = "wamp.registration.on_register"
REGISTRATION_ON_UNREGISTER: Final = "wamp.registration.on_unregister"
REGISTRATION_ON_DELETE: Final = "wamp.registration.on_delete"
SUBSCRIPTION_ON_CREATE: Final = "wamp.subscription.on_create"
SUBSCRIPTION_ON_SUBSCRIBE: Final = "wamp.subscription.on_subscribe"
SUBSCRIPTION_ON_UNSUBSCRIBE: Final = "wamp.subscription.on_unsubscribe"
SUBSCRIPTION_ON_DELETE: Final = "wamp.subscription.on_delete"
