"""What every handler is given while the web application runs."""

from dataclasses import dataclass

from agents.users.user_state import UserState
from app.query.http.problems import CUT_OFF, STARTING, Problem
from app.query.lists.recommender import Recommender
from app.query.lists.solver_threads import SolverThreads
from app.query.peers.client import PeerClient
from app.query.peers.erasures import AskedErasures
from app.query.peers.router import Router
from app.query.view import QueryView


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningView:
    """The view's collaborators, and what is made of them.

    Parameters
    ----------
    view : given from outside.
    router : knows which worker to ask.
    peers : asks other workers.
    threads : bounds what is solved on the spot.
    recommender : answers for users whose state is here.
    erasures : those that this worker was asked for.
    document : `/openapi.json`.
    """

    view: QueryView
    router: Router
    peers: PeerClient
    threads: SolverThreads
    recommender: Recommender
    erasures: AskedErasures
    document: bytes

    @classmethod
    def of(cls, view: QueryView, document: bytes) -> "RunningView":
        """Make what is needed of a view."""
        threads = SolverThreads(view.settings.max_solving)
        return cls(
            view=view,
            router=Router(view.routing),
            peers=PeerClient(view.settings.forward_timeout_ms),
            threads=threads,
            recommender=Recommender(view, threads),
            erasures=AskedErasures(),
            document=document,
        )

    async def close(self, _: object = None) -> None:
        """Close the connections and let the threads end."""
        await self.peers.close()
        await self.threads.close()

    def check_lease(self) -> None:
        """Raise `Problem` while this worker is cut off from its group; for answers that have no `stale` to say so."""
        if self.view.lease.lapsed:
            raise Problem(CUT_OFF, f"{self.view.lease.reason}, so others may soon own its partitions; try again")

    def check_settled(self) -> None:
        """Raise `Problem` while this worker has just started; for lists that are made of no partition's rows.

        A partition runs only later, but any worker is asked for these.
        """
        if not self.view.settled():
            raise Problem(STARTING, "this worker still reads which models and videos there are; try again, or another")

    def read_standby(self, user_id: str) -> UserState | None:
        """Return a user as a standby here has them; None without one, or while this worker has just started."""
        return self.view.users.read_standby(user_id) if self.view.settled() else None

    def title(self, video_id: str) -> str | None:
        """Return a video's title, None when the catalogue does not know it."""
        entry = self.view.catalogue.get(video_id)
        return None if entry is None else entry.title
