"""The plane as one request sees it: with outlets of its own, all else the plane's. Only requests that ask for more than most get one."""

from typing import cast

import msgspec

from anyapi.gateway.plane import DataPlane


class PlaneView:
    """A plane with some of its outlets replaced. A kind of view may override more."""

    def __init__(self, plane: DataPlane, **outlets: object) -> None:
        self._plane = plane
        self.outlets = msgspec.structs.replace(plane.outlets, **outlets)

    def __getattr__(self, name: str) -> object:
        """What is not here, the plane has."""
        return getattr(self._plane, name)


def seen_with(plane: DataPlane, **outlets: object) -> DataPlane:
    """The plane with these outlets in place of its own."""
    return cast("DataPlane", PlaneView(plane, **outlets))
