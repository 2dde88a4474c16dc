"""Output sizes of sliding windows: one formula for convolutions and pools (torch's `Conv2d` and `MaxPool2d` pages); and
groups of channels."""

from __future__ import annotations

from blocks.errors import RuleError
from blocks.types import Map


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """A size as (vertical, horizontal)."""
    return (value, value) if isinstance(value, int) else value


def slide(
    key: str,
    source: Map,
    *,
    kernel_size: tuple[int, int],
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
    ceil_mode: bool = False,
) -> Map:
    """The map that a window of this geometry leaves of `source`, channels unchanged.

    With `ceil_mode`, windows may hang over the lower and right edge, as long as they start inside the map or its upper
    and left padding. Raises `RuleError` (`empty-map`) where no window fits.
    """
    height = _size(source.height, kernel_size[0], stride[0], padding[0], dilation[0], ceil_mode=ceil_mode)
    width = _size(source.width, kernel_size[1], stride[1], padding[1], dilation[1], ceil_mode=ceil_mode)
    if height < 1 or width < 1:
        reach = " x ".join(str(gap * (kernel - 1) + 1) for kernel, gap in zip(kernel_size, dilation, strict=True))
        padded = f"{source.height + 2 * padding[0]} x {source.width + 2 * padding[1]}"
        message = f"`{key}` slides a window of {reach} over a padded map of {padded}: nothing is left"
        raise RuleError("empty-map", message)
    vertical, horizontal = source.stride
    return Map(source.channels, height, width, (vertical * stride[0], horizontal * stride[1]), source.dtype)


def refuse_indivisible(source: Map, groups: int, argument: str) -> None:
    """Raises `RuleError` (`indivisible-groups`) where so many groups do not divide the channels of a map."""
    if source.channels % groups == 0:
        return
    divisors = [number for number in range(1, source.channels + 1) if source.channels % number == 0]
    near = sorted(sorted(divisors, key=lambda number: abs(number - groups))[:2])
    raise RuleError(
        "indivisible-groups",
        f"{groups} groups do not divide the {source.channels} input channels",
        help=f"{source.channels} channels allow {argument}: {' or '.join(map(str, near))}",
        argument=argument,
    )


def _size(length: int, kernel: int, step: int, pad: int, gap: int, *, ceil_mode: bool) -> int:
    room = length + 2 * pad - gap * (kernel - 1) - 1
    if not ceil_mode:
        return room // step + 1
    size = (room + step - 1) // step + 1
    return size - 1 if (size - 1) * step >= length + pad else size
