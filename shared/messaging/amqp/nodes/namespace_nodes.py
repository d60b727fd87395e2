"""What the addresses of one connection mean (facts §1, "Links").

The namespace is that of the key which signed the token that covers the address: two namespaces may have entities of
one name, and a connection has as many namespaces as its tokens have.
"""

from collections.abc import Mapping
from functools import partial

from shared.clock import NO_TIME, Clock
from shared.errors import EntityNotFoundError, SessionCannotBeLockedError, TransientError
from shared.messaging.amqp.codec.performatives import (
    Attach,
    Coordinator,
    SenderSettleMode,
    Source,
    Target,
)
from shared.messaging.amqp.engine.node import Attached, Inlet, Outlet
from shared.messaging.amqp.nodes.addresses import Address, NodeKind, parse_address
from shared.messaging.amqp.nodes.arrivals import Arrivals
from shared.messaging.amqp.nodes.cbs import Claims
from shared.messaging.amqp.nodes.conditions import TIMEOUT
from shared.messaging.amqp.nodes.entity_inlet import EntityInlet
from shared.messaging.amqp.nodes.entity_outlet import EntityOutlet, SessionOutlet
from shared.messaging.amqp.nodes.managed_entity import HeldSessions, ManagedEntity
from shared.messaging.amqp.nodes.management import answer_management
from shared.messaging.amqp.nodes.request_node import RequestNode
from shared.messaging.amqp.nodes.sas import Keys
from shared.messaging.amqp.nodes.session_filter import (
    SessionWish,
    filters_in_force,
    properties_of,
    read_wish,
)
from shared.messaging.amqp.nodes.unsettled import Unsettled
from shared.messaging.embedded.core import BrokerCore
from shared.messaging.embedded.envelope import SessionLock

# Clients use one or two, and whoever attaches them need not have shown a token.
MOST_TOKEN_LINKS = 16


class NamespaceNodes:
    """The nodes that one connection sees."""

    def __init__(
        self,
        cores: Mapping[str, BrokerCore],
        keys: Keys,
        *,
        clock: Clock,
        arrivals: Arrivals,
    ) -> None:
        self._cores = cores
        self._clock = clock
        self._arrivals = arrivals
        self._claims = Claims(keys, clock)
        self._sessions = HeldSessions()
        self._tokens = RequestNode(self._claims.put_token, most_links=MOST_TOKEN_LINKS)
        self._managed: dict[tuple[BrokerCore, str], RequestNode] = {}

    async def attach_inlet(self, attach: Attach, inlet: Inlet) -> Attached:
        address = _address(attach.target)
        if address.kind is NodeKind.TOKENS:
            return Attached(node=self._tokens.add_inlet())
        core = self._core(address, inlet)
        if address.kind is NodeKind.MANAGEMENT:
            return Attached(node=self._management(core, address.entity).add_inlet())
        if not core.has_target(address.entity):
            raise EntityNotFoundError(f"there is no queue or topic {address.entity!r} to send to")
        return Attached(node=EntityInlet(core, address.entity, self._arrivals))

    async def attach_outlet(self, attach: Attach, outlet: Outlet) -> Attached:
        address = _address(attach.source)
        if address.kind is NodeKind.TOKENS:
            return Attached(node=self._tokens.add_outlet(attach, outlet))
        core = self._core(address, outlet)
        if address.kind is NodeKind.MANAGEMENT:
            node = self._management(core, address.entity)
            return Attached(node=node.add_outlet(attach, outlet))
        return await self._attach_receiver(core, address.entity, attach, outlet)

    async def ended(self) -> None:
        await self._claims.close()

    def _core(self, address: Address, link: Inlet | Outlet) -> BrokerCore:
        core = self._cores[self._claims.namespace(address.path)]
        self._claims.hold(link, address.path)
        return core

    def _management(self, core: BrokerCore, entity: str) -> RequestNode:
        if not (core.has_source(entity) or core.has_target(entity)):
            raise EntityNotFoundError(f"there is no queue, topic or subscription {entity!r}")
        known = self._managed.get((core, entity))
        if known is None:
            managed = ManagedEntity(core, entity, self._sessions, self._arrivals)
            known = RequestNode(partial(answer_management, managed))
            self._managed[core, entity] = known
        return known

    async def _attach_receiver(
        self, core: BrokerCore, entity: str, attach: Attach, outlet: Outlet
    ) -> Attached:
        path = core.source(entity).path
        is_settling = attach.snd_settle_mode != SenderSettleMode.SETTLED
        wish = read_wish(attach)
        if wish is None:
            # An entity that requires sessions has nothing for a receiver without one, and says so here.
            core.line(path)
            unsettled = None
            if is_settling:
                still_locked = partial(core.still_locked, path)
                unsettled = Unsettled(self._clock, still_locked, outlet.forget)
            return Attached(
                node=EntityOutlet(core, path, outlet, is_settling=is_settling, unsettled=unsettled)
            )
        lock = await _accept_session(core, path, wish)
        node = SessionOutlet(
            core,
            outlet,
            lock,
            is_settling=is_settling,
            name=attach.name,
            sessions=self._sessions,
        )
        return Attached(node=node, filters=filters_in_force(lock), properties=properties_of(lock))


async def _accept_session(core: BrokerCore, path: str, wish: SessionWish) -> SessionLock:
    """Wait for a session only if any will do: one that is named and held elsewhere is refused at once."""
    if wish.session_id is not None:
        return await core.accept_session(path, session_id=wish.session_id, max_wait=NO_TIME)
    try:
        return await core.accept_session(path, session_id=None, max_wait=wish.max_wait)
    except SessionCannotBeLockedError as fault:
        raise TransientError(
            f"no session of {path!r} had messages in time", code=TIMEOUT
        ) from fault


def _address(terminus: Source | Target | Coordinator | None) -> Address:
    if terminus is None or isinstance(terminus, Coordinator):
        return parse_address(None)
    return parse_address(terminus.address)
