"""Names of projects: what S3 shows, for people, beside the id of an owner.

The rule: nobody waits for a name.  Who asks gets what is known, the id at first; what is not known
is looked up behind the answer, and trouble leaves the id.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from s3gw.identity.flights import Flights
from s3gw.identity.model import IdentityRefused, IdentityUnavailable

_ENTRIES = 10_000
# Seconds after which a name is looked up again, and after which one that could not be.
_LIFE = 3600.0
_RETRY = 60.0


class ProjectNames:
    """Names by id, from a `look_up` that gives None for a project without a known name."""

    def __init__(
        self,
        look_up: Callable[[str], Awaitable[str | None]],
        patience: float,
        clock: Callable[[], float],
    ) -> None:
        self._look_up = look_up
        self._clock = clock
        self._flights = Flights[str, None](self._learn, patience)
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def shown(self, project_id: str) -> str:
        """The project's name, or its id as long as no name is known."""
        until, name = self._known.get(project_id, (0.0, project_id))
        if self._clock() >= until:
            # Also so that a look-up that fails is not repeated at once.
            self._keep(project_id, name, _RETRY)
            self._flights.start(project_id)
        return name

    async def aclose(self) -> None:
        """End what is under way."""
        await self._flights.aclose()

    async def _learn(self, project_id: str) -> None:
        try:
            name = await self._look_up(project_id)
        except (IdentityUnavailable, IdentityRefused):
            return
        self._keep(project_id, name or project_id, _LIFE)

    def _keep(self, project_id: str, name: str, life: float) -> None:
        self._known[project_id] = self._clock() + life, name
        self._known.move_to_end(project_id)
        if len(self._known) > _ENTRIES:
            self._known.popitem(last=False)
