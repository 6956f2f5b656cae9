"""Roles and their features."""

from __future__ import annotations

import pytest
from trowamp_compat.wamp.exception import ProtocolError
from trowamp_compat.wamp.role import (
    DEFAULT_CLIENT_ROLES,
    ROLE_NAME_TO_CLASS,
    RoleBrokerFeatures,
    RoleCalleeFeatures,
    RoleCallerFeatures,
)

from trowamp.protocol import CLIENT_ROLES


def test_features_are_given_by_position_or_by_name_and_unknown_ones_passed_over() -> None:
    features = RoleCallerFeatures(True, None, call_canceling=False, from_the_future=True)
    assert (features.caller_identification, features.call_timeout, features.call_canceling) == (True, None, False)
    assert features.announced() == {"caller_identification": True, "call_canceling": False}
    assert not hasattr(features, "from_the_future")
    assert repr(features) == "caller(caller_identification=True, call_canceling=False)"


def test_a_feature_is_true_or_false() -> None:
    with pytest.raises(ProtocolError, match="call_timeout"):
        RoleCallerFeatures(call_timeout=1)
    with pytest.raises(TypeError, match="features"):
        RoleCallerFeatures(*[True] * 20)


def test_roles_with_the_same_features_are_equal() -> None:
    assert RoleBrokerFeatures(event_history=True) == RoleBrokerFeatures(event_history=True)
    assert RoleBrokerFeatures(event_history=True) != RoleBrokerFeatures()
    assert RoleCallerFeatures() != RoleCalleeFeatures()


def test_a_client_says_what_the_core_implements_and_that_it_may_have_a_codec() -> None:
    assert DEFAULT_CLIENT_ROLES.keys() == CLIENT_ROLES.keys()
    for role, features in DEFAULT_CLIENT_ROLES.items():
        assert isinstance(features, ROLE_NAME_TO_CLASS[role])
        announced = features.announced()
        assert announced.keys() >= {"payload_transparency", "payload_encryption_cryptobox"}
        assert all(announced[name] for name in CLIENT_ROLES[role]["features"])
