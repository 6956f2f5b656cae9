"""Prints what the vocabulary of a package does: run with PACKAGE=autobahn and with PACKAGE=trowamp_compat, the lines have to be the same.

What is random is not printed, and what trowamp_compat does otherwise on purpose is not here.
"""

import asyncio
import importlib
import json
import os

PACKAGE = os.environ["PACKAGE"]
if PACKAGE == "autobahn":
    import txaio

    txaio.use_asyncio()

auth = importlib.import_module(f"{PACKAGE}.wamp.auth")
cryptobox = importlib.import_module(f"{PACKAGE}.wamp.cryptobox")
cryptosign = importlib.import_module(f"{PACKAGE}.wamp.cryptosign")
exception = importlib.import_module(f"{PACKAGE}.wamp.exception")
message = importlib.import_module(f"{PACKAGE}.wamp.message")
request = importlib.import_module(f"{PACKAGE}.wamp.request")
role = importlib.import_module(f"{PACKAGE}.wamp.role")
serializer = importlib.import_module(f"{PACKAGE}.wamp.serializer")
types = importlib.import_module(f"{PACKAGE}.wamp.types")
uri = importlib.import_module(f"{PACKAGE}.wamp.uri")
util = importlib.import_module(f"{PACKAGE}.util")

HOPS = [{"session": 1, "authid": "joe", "authrole": "user"}]


def show(*values):
    print(*values)  # noqa: T201


def tried(function, *args, **kwargs):
    """Return a result, or the name of the exception."""
    try:
        return function(*args, **kwargs)
    except Exception as error:  # noqa: BLE001
        return type(error).__name__


def messages():
    m = message
    caller = {"caller": role.RoleCallerFeatures(call_timeout=True)}
    broker = {"broker": role.RoleBrokerFeatures(event_history=True)}
    full = {"args": [1], "kwargs": {"k": 2}}
    callee = {"callee": 3, "callee_authid": "x", "callee_authrole": "y", "forward_for": HOPS}
    yield m.Hello("realm1", caller, ["ticket"], "joe", "user", {"a": 1}, True, 7, "tok")
    yield m.Hello("realm1", {"caller": role.RoleCallerFeatures()})
    yield m.Welcome(3, broker, "r1", "joe", "user", "ticket", "prov", {"a": 1}, True, True, "tok", {"x_foo": 1})
    yield m.Welcome(3, {"broker": role.RoleBrokerFeatures()})
    yield from (m.Abort("a.b", "msg"), m.Abort("a.b"), m.Challenge("ticket", {"a": 1}), m.Challenge("ticket"))
    yield from (m.Authenticate("sig", {"a": 1}), m.Authenticate("sig"), m.Goodbye(), m.Goodbye("a.b", "msg", True))
    yield from (m.Error(48, 1, "a.b"), m.Error(48, 1, "a.b", [1], {"k": 2}, None, **callee))
    yield m.Error(48, 1, "a.b", payload=b"xx", enc_algo="cryptobox", enc_key="k", enc_serializer="json")
    yield m.Publish(1, "a.b")
    yield m.Publish(
        1, "a.b", [1], {"k": 2}, None, True, False, [1], ["a"], ["b"], [2], ["c"], ["d"], True, "hash", forward_for=HOPS
    )
    yield from (m.Publish(1, "a.b", payload=b"xx", enc_algo="mqtt"), m.Published(1, 2), m.Subscribe(1, "a.b"))
    yield from (m.Subscribe(1, "a..b", "wildcard", True, HOPS), m.Subscribed(1, 2), m.Unsubscribe(1, 2))
    yield from (m.Unsubscribe(1, 2, HOPS), m.Unsubscribed(1), m.Unsubscribed(0, 2, "a.b"), m.Event(1, 2))
    yield m.Event(1, 2, [1], {"k": 2}, None, 3, "x", "y", "a.b", True, "hash", True, forward_for=HOPS)
    yield from (m.EventReceived(3), m.Call(1, "a.b"))
    yield m.Call(1, "a.b", [1], {"k": 2}, None, 5, True, "hash", None, None, None, 3, "x", "y", HOPS)
    yield from (m.Cancel(1), m.Cancel(1, "kill", HOPS), m.Result(1), m.Result(1, **full, progress=True, **callee))
    yield from (m.Register(1, "a.b"), m.Register(1, "a.", "prefix", "roundrobin", 3, True, HOPS), m.Registered(1, 2))
    yield from (m.Unregister(1, 2, HOPS), m.Unregister(1, 2), m.Unregistered(1), m.Unregistered(0, 2, "a.b"))
    yield m.Invocation(1, 2)
    yield m.Invocation(1, 2, [1], {"k": 2}, None, 5, True, 3, "x", "y", "a.b", "hash", forward_for=HOPS)
    yield from (m.Interrupt(1), m.Interrupt(1, "kill", "a.b", HOPS), m.Yield(1))
    yield m.Yield(1, **full, progress=True, **callee)


def show_messages():
    for each in messages():
        wire = each.marshal()
        again = type(each).parse(wire)
        show(type(each).__name__, json.dumps(wire, sort_keys=True, default=str), again == each, again.marshal() == wire)
        show(each)
    for wrong in (
        [48, 1, {}, "a b"],
        [48, 1, {}, "a..b"],
        [48, "x", {}, "a.b"],
        [48, 1, [], "a.b"],
        [48, 1, {}, "a.b", [], []],
        [48, 1, {"timeout": "x"}, "a.b"],
        [48, 1],
    ):
        show(wrong, tried(message.Call.parse, wrong))
    for text in ("realm1", "a", "a b", "x" * 300, "0x" + "ab" * 20):
        show(text, tried(message.check_or_raise_realm_name, text))
    for text in ("a.b", "a..b", "a b", 3, None):
        show(text, tried(message.check_or_raise_uri, text), tried(message.check_or_raise_uri, text, allow_none=True))
    show(
        tried(message.Call),
        tried(message.Call, 1, 3),
        tried(message.Call, 1, "a.b", "x"),
        tried(message.Cancel, 1, "x"),
    )


def show_types():
    t = types
    registration = request.Registration(None, 1, "p", request.Endpoint(len))
    subscription = request.Subscription(1, "t", None, request.Handler(len))
    for each in (
        t.RegisterOptions(),
        t.RegisterOptions("prefix", "random", 3, True, HOPS, True),
        t.SubscribeOptions(match="wildcard", details=True, get_retained=True),
        t.SubscribeOptions(details_arg="d"),
        t.PublishOptions(True, False, 3, "joe", "r", [4, 5], ["a"], ["b"], True),
        t.PublishOptions(),
        t.CallOptions(transaction_hash="0xabc", caller=1, caller_authid="x", caller_authrole="y", details=True),
        t.CallOptions(),
    ):
        show(each, each.message_attr())
    for each in (
        t.CallResult(1, 2, a=3, callee=7),
        t.CallDetails(registration, caller=3, procedure="a.b"),
        t.EventDetails(subscription, 7, topic="x.y"),
        t.CloseDetails(),
        t.CloseDetails("a.b", "c"),
        t.Challenge("ticket"),
        t.Accept("r1"),
        t.Deny(),
        t.ComponentConfig("r1", "extra"),
        t.HelloDetails("r1"),
        t.SessionIdent(1, "a", "b"),
        t.SessionDetails("realm1", 123, "joe", "user", "ticket", "static", {"a": 1}, "cbor.batched"),
        t.TransportDetails(4, 3, 3, "tcp4:1.2.3.4:5", "tcp4:127.0.0.1:8080", channel_id={"tls-unique": b"a" * 32}),
        t.TransportDetails(),
        registration,
        subscription,
        request.Publication(3, False),
    ):
        show(each)
        if hasattr(each, "marshal"):
            show(each.marshal())
    show(t.TransportDetails(5, 2, 1).channel_typeid, t.TransportDetails().channel_typeid)
    for wrong in (
        {"channel_type": 4},
        {"own": 3},
        {"channel_id": "x"},
        {"is_secure": 1},
        {"channel_type": "tcp", "x": 1},
    ):
        show(wrong, tried(t.TransportDetails.parse, wrong))
    for wrong in ({"session": "x"}, {"realm": 3}, {"authextra": {1: 2}}, {"resumed": True}):
        show(wrong, tried(t.SessionDetails.parse, wrong))
    show(tried(t.RegisterOptions, match="x"), tried(t.RegisterOptions, concurrency=0), tried(t.CallOptions, timeout=-1))
    show(tried(t.RegisterOptions, details=True, details_arg="x"), tried(t.PublishOptions, acknowledge=1))
    show(tried(t.PublishOptions, exclude=[1, "x"]), tried(t.Challenge, 3), tried(t.Accept, 3), tried(t.Deny, 3))


def show_errors():
    e = exception
    error = e.ApplicationError("com.x.err", 1, "two", x=3, callee=5, enc_algo="q")
    show(error, repr(error), error.args, error.kwargs, error.error, error.callee, error.error_message())
    show(e.ApplicationError("com.x.err", traceback="abc"))
    for name in sorted(name for name in vars(e.ApplicationError) if name.isupper() and name[0] != "_"):
        show(name, getattr(e.ApplicationError, name))
    for name in ("NotAuthorized", "InvalidUri", "InvalidPayload"):
        show(name, getattr(e, name)._wampuris[0].uri(), getattr(e, name).__mro__[1].__name__)
    for name in ("SerializationError", "ProtocolError", "InvalidUriError", "SessionNotReady", "TransportLost"):
        show(name, issubclass(getattr(e, name), e.Error), issubclass(e.Error, RuntimeError))


def show_uris():
    @uri.register(None)
    def named():
        pass

    @uri.register("com.y")
    @uri.subscribe("com.x.<y>", types.SubscribeOptions(match="wildcard"))
    def both():
        pass

    for function in (named, both):
        show([(p.uri(), p.uri_type, str(p.options), p.is_endpoint(), p.is_handler()) for p in function._wampuris])
    for text in ("com.x.<y>.z", "com.x.<y:int>", "com.x"):
        pattern = uri.Pattern(text, uri.Pattern.URI_TARGET_ENDPOINT)
        show(pattern.uri(), pattern.uri_type)
    for text, concrete in (("com.x.<y>.z", "com.x.7.z"), ("com.x.<y:int>", "com.x.7"), ("com.x.<y>.z", "com.x")):
        show(tried(uri.Pattern(text, uri.Pattern.URI_TARGET_ENDPOINT).match, concrete))
    for text in ("com.*.x", "com.x*", "com.x.*", "*", "com.**.x", "com.x", "com.x*.y", "com.*.x*"):
        show(text, uri.convert_starred_uri(text))
    show(
        tried(uri.Pattern, "a.b", 7),
        tried(uri.Pattern, 3, 1),
        tried(uri.Pattern, None, 1),
        tried(uri.Pattern, "a.<", 1),
    )


def show_serializers():
    for name in ("json", "json.batched", "msgpack", "msgpack.batched", "cbor", "cbor.batched"):
        made = serializer.create_transport_serializer(name)
        octets, is_binary = made.serialize(message.Call(1, "a.b", [1, b"xx", "ü"], {"k": None}))
        show(name, made.SERIALIZER_ID, made.RAWSOCKET_SERIALIZER_ID, made.MIME_TYPE, octets, is_binary)
        show([each.marshal() for each in made.unserialize(octets * (2 if "batched" in name else 1), is_binary)])
        show(tried(made.unserialize, octets, not is_binary), tried(made.unserialize, b"\xff\xff\xff"))
        show(made.stats_messages(), made.stats_bytes())
    try:
        serializer.create_transport_serializer("x")
    except RuntimeError:
        show("RuntimeError")
    objects = serializer.JsonObjectSerializer(use_binary_hex_encoding=True)
    show(objects.serialize([b"xx"]), objects.unserialize(b'["0x7878"]'))
    decimals = serializer.JsonObjectSerializer(use_decimal_from_str=True)
    show(decimals.unserialize(b'["1.5","x"]'))


def show_authenticators():
    for name, options in (
        ("anonymous", {}),
        ("anonymous", {"authid": "x", "authextra": {"a": 1}}),
        ("ticket", {}),
        ("ticket", {"ticket": "t", "authid": "joe"}),
        ("wampcra", {"secret": "s"}),
        ("wampcra", {"secret": "s", "authid": "joe"}),
        ("wampcra", {"secret": "s", "authid": "joe", "foo": 1}),
        ("cryptosign", {}),
        ("cryptosign", {"privkey": "00" * 32, "authid": "joe"}),
        ("cryptosign", {"privkey": "00" * 32, "authid": "joe", "foo": 1}),
        ("cryptosign", {"privkey": "00" * 32, "authid": "joe", "authextra": {"pubkey": "x"}}),
        ("foo", {}),
    ):
        made = tried(auth.create_authenticator, name, **options)
        show(name, sorted(options), made if isinstance(made, str) else (made.name, made._args, made.authextra))
    cra = auth.create_authenticator("wampcra", secret="s", authid="joe")
    for extra in ({"challenge": "abc"}, {"challenge": "abc", "salt": "x", "iterations": 100, "keylen": 16}):
        signature = cra.on_challenge(None, types.Challenge("wampcra", extra))
        show(signature.decode() if isinstance(signature, bytes) else signature)
    show(
        auth.compute_wcs(b"secret", "challenge"), auth.derive_key("secret", "salt"), auth.derive_key(b"s", b"x", 10, 16)
    )
    show(auth.pbkdf2(b"d", b"s").hex(), tried(auth.pbkdf2, "d", b"s"), auth.pbkdf2(b"d", b"s", 10, 16, "sha512").hex())
    show(len(auth.generate_wcs()), len(auth.generate_totp_secret()), auth.check_totp("MFRGGZDFMZTWQ2LK", "x"))
    show(auth.derive_scram_credential("joe@example.com", "p"))


class Session:
    """As much of a session as an authenticator looks at."""

    class transport:  # noqa: N801
        transport_details = types.TransportDetails(channel_id={"tls-unique": b"a" * 32})

    _transport = transport


async def show_keys():
    key = cryptosign.CryptosignKey.from_bytes(b"\0" * 32, "words")
    show(key.public_key(), key.public_key(binary=True), key.can_sign, key.comment, key.key_type, key.key_no)
    plain = types.Challenge("cryptosign", {"challenge": "ff" * 32, "channel_binding": None})
    bound = types.Challenge("cryptosign", {"challenge": "ff" * 32, "channel_binding": "tls-unique"})
    show((await key.sign(b"hello")).hex())
    show(await key.sign_challenge(plain), await key.sign_challenge(bound, b"a" * 32, "tls-unique"))
    public = cryptosign.CryptosignKey.from_pubkey(key.public_key(binary=True))
    show(public.can_sign, public.public_key(), tried(cryptosign.CryptosignKey.from_bytes, b"x"))
    phrase = "myth like bonus scare over problem client lizard pioneer submit female collect"
    show(*(cryptosign.CryptosignKey.from_seedphrase(phrase, index).public_key() for index in (0, 3)))
    extra = cryptosign.CryptosignAuthextra(
        pubkey=b"a" * 32, trustroot=b"t" * 20, channel_binding="tls-unique", bandwidth=3
    )
    show(extra.marshal(), cryptosign.CryptosignAuthextra.parse(extra.marshal()).marshal() == extra.marshal())
    joe = auth.create_authenticator("cryptosign", privkey="00" * 32, authid="joe")
    show(await joe.on_challenge(Session, plain) if PACKAGE == "autobahn" else joe.on_challenge(Session, plain))


def key_ring():
    ring = cryptobox.KeyRing()
    ring.set_key("com.secret.", cryptobox.Key(originator_priv="A" * 43 + "=", responder_priv="B" * 43 + "="))
    return ring


def show_key_ring():
    ring = key_ring()
    show(ring.encode(True, "com.open.x", [1], None))
    for is_originating in (True, False):
        made = ring.encode(is_originating, "com.secret.x", [1, "two"], {"k": 3})
        show(made.enc_algo, made.enc_serializer, made.enc_key, len(made.payload))
        show(ring.decode(not is_originating, "com.secret.x", made))


def exchange(ring):
    """Decrypt what the other package has encrypted, and encrypt something for it."""
    show(
        ring.decode(
            False, "com.secret.x", types.EncodedPayload(bytes.fromhex(os.environ["SEALED"]), "cryptobox", "json")
        )
    )
    show(ring.encode(True, "com.secret.x", [1, "two"], {"k": 3}).payload.hex())


def show_utilities():
    ids = util.IdGenerator()
    show(ids.next(), next(ids))
    show(util.encode_truncate("äöü" * 50, 10), util.encode_truncate("äöü", 3, return_encoded=False))
    show(util.xor(b"ab", b"cd"), [each.pattern for each in util.wildcards2patterns(["*", "a.*.b"])])
    show(len(util.newid()), len(util.utcnow()), len(util.generate_serial_number()), len(util.generate_user_password()))


def show_all():
    show_messages()
    show_types()
    show_errors()
    show_uris()
    show_serializers()
    show_authenticators()
    asyncio.run(show_keys())
    show_key_ring()
    show_utilities()


if __name__ == "__main__":
    exchange(key_ring()) if "SEALED" in os.environ else show_all()
