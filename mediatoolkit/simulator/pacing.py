"""How fast a server of one's own takes the steps of a picture, and where a test holds it."""

import asyncio


class Hold:
    """A step at which a job waits.

    Attributes:
        step: Its number, from 1.
    """

    def __init__(self, step: int) -> None:
        """Let the next job that comes to *step* wait there."""
        self.step = step
        self._reached = asyncio.Event()
        self._released = asyncio.Event()

    async def reached(self) -> None:
        """Wait until a job is there."""
        await self._reached.wait()

    def release(self) -> None:
        """Let the job go on; call it in the loop's thread."""
        self._released.set()

    async def wait(self) -> None:
        """Wait there, as the job."""
        self._reached.set()
        await self._released.wait()


class Pace:
    """The steps of the jobs.

        hold = sim.pace.hold(3)
        ...  # begin a job
        await hold.reached()
        ...  # the job has begun its third step
        hold.release()

    Args:
        steps: How many every job takes; None takes as many as its request says.
        seconds: How long each one lasts.
    """

    def __init__(self, steps: int | None, seconds: float) -> None:
        """Hold nothing."""
        self._steps = steps
        self._seconds = seconds
        self._holds: list[Hold] = []

    def count(self, requested: int) -> int:
        """How many steps a job takes whose request says *requested*."""
        return requested if self._steps is None else self._steps

    def hold(self, step: int) -> Hold:
        """Hold the next job that comes to *step*, counted from 1, before it takes that step."""
        self._holds.append(Hold(step))
        return self._holds[-1]

    async def take(self, step: int) -> None:
        """Take *step*, as the job."""
        for hold in self._holds:
            if hold.step == step:
                self._holds.remove(hold)
                await hold.wait()
                break
        await asyncio.sleep(self._seconds)
