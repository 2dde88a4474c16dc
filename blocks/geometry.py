"""Output sizes of sliding windows: one formula for convolutions and pools (torch's `Conv2d` and `MaxPool2d` pages)."""

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
    sizes = []
    for length, kernel, step, pad, gap in zip(
        (source.height, source.width), kernel_size, stride, padding, dilation, strict=True
    ):
        room = length + 2 * pad - gap * (kernel - 1) - 1
        size = (room + (step - 1 if ceil_mode else 0)) // step + 1
        if ceil_mode and (size - 1) * step >= length + pad:
            size -= 1
        sizes.append(size)
    height, width = sizes
    if height < 1 or width < 1:
        reach = " x ".join(str(gap * (kernel - 1) + 1) for kernel, gap in zip(kernel_size, dilation, strict=True))
        padded = f"{source.height + 2 * padding[0]} x {source.width + 2 * padding[1]}"
        message = f"`{key}` slides a window of {reach} over a padded map of {padded}: nothing is left"
        raise RuleError("empty-map", message)
    vertical, horizontal = source.stride
    return Map(source.channels, height, width, (vertical * stride[0], horizontal * stride[1]), source.dtype)
