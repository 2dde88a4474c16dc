"""Random small networks as documents, for laws that hold for all of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Step = dict[str, Any]

_ACTIVATIONS = st.sampled_from(["relu", "silu", "hardswish", "none", "tanh", "elu", "mish", "prelu"])
_CHANNELS = st.sampled_from([2, 4, 6])
_CELL = {
    "params": {"width": "int", "act": {"words": ["relu", "gelu"], "default": "gelu"}},
    "body": [
        {"name": "main", "conv": {"out_channels": "2*width", "kernel_size": 3, "activation": "act"}},
        {"name": "skip", "from": "in", "shortcut": {"like": "main"}},
        {"from": ["skip", "main"], "add": {}},
    ],
}
_EITHER = {
    "params": {"kind": {"words": ["cell", "gate", "act"]}, "width": 2},
    "one_of": [
        {"when": "kind == 'cell'", "cell": {"width": "width"}},
        {"when": "kind == 'gate'", "squeeze_excitation": {"reduction": 2}},
        {"tanh": {}},
    ],
}


@st.composite
def _simple(draw: st.DrawFn) -> Step:
    """A step that keeps the size of a map."""
    match draw(st.integers(0, 9)):
        case 0:
            kernel = draw(st.sampled_from([1, 3, [3, 1]]))
            return {"conv": {"out_channels": draw(_CHANNELS), "kernel_size": kernel, "activation": draw(_ACTIVATIONS)}}
        case 1:
            return {"depthwise_conv": {"kernel_size": draw(st.sampled_from([3, 5]))}}
        case 2:
            se = draw(st.sampled_from([0, 2]))
            return {"residual_basic": {"out_channels": draw(_CHANNELS), "se_reduction": se}}
        case 3:
            return {"residual_bottleneck": {"width": draw(st.integers(1, 3)), "expansion": 2}}
        case 4:
            return {"squeeze_excitation": {"reduction": draw(st.integers(1, 4))}}
        case 5:
            keys = ["relu", "gelu", "batch_norm2d", "layer_norm2d", "layer_scale", "sigmoid", "elu", "mish", "prelu"]
            return draw(st.sampled_from([*({key: {}} for key in keys), {"group_norm": {"num_groups": 1}}]))
        case 6:
            return {"max_pool2d": {"kernel_size": 3, "stride": 1, "padding": 1}}
        case 7:
            return {"either": {"kind": draw(st.sampled_from(["cell", "gate", "act"]))}}
        case 8:
            return {"residual_preactivated": {"out_channels": draw(_CHANNELS)}}
        case _:
            return {"cell": {"width": draw(st.integers(1, 3))}}


@st.composite
def _step(draw: st.DrawFn) -> Step:
    """A step that keeps the size of a map: simple, repeated, in groups or in branches."""
    match draw(st.integers(0, 5)):
        case 0:
            return {"repeat": draw(st.integers(0, 3)), **draw(_simple())}
        case 1:
            return {"sequential": draw(st.lists(_simple(), max_size=2))}
        case 2:
            names = draw(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=2, max_size=3, unique=True))
            return {"join": "concat", "parallel": {name: draw(st.lists(_simple(), max_size=2)) for name in names}}
        case 3:
            return {"when": draw(st.sampled_from(["in.channels > 4", "classes == 3 or not 1 > 0"])), **draw(_simple())}
        case _:
            return draw(_simple())


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A document as data: some steps, some of them shrinking the map, and a classifier."""
    size = 12
    body: list[Step] = []
    for _ in range(draw(st.integers(1, 3))):
        body += draw(st.lists(_step(), max_size=3))
        if size >= 4 and draw(st.booleans()):
            body.append(
                draw(
                    st.sampled_from(
                        [{"avg_pool2d": {"kernel_size": 2}}, {"residual_basic": {"out_channels": 4, "stride": 2}}]
                    )
                )
            )
            size //= 2
    body.append({"name": "features", **draw(_simple())})
    body.append(draw(st.sampled_from([{"global_avg_pool": {}}, {"global_max_pool": {}}, {"flatten": {}}])))
    body.append({"name": "logits", "linear": {"out_features": "classes"}})
    outputs = {"logits": "logits", **({"taps": "features"} if draw(st.booleans()) else {})}
    channels = draw(st.integers(1, 4))
    return {
        "version": 1,
        "name": draw(st.sampled_from(["net", "Net 2", "a: b", "ünï", "1e3", "no", 'say "hi"\n'])),
        "params": {"classes": 3},
        "input": {"image": {"map": [channels, draw(st.sampled_from([12, 13])), 12]}},
        "blocks": {"cell": _CELL, "either": _EITHER},
        "net": body,
        "output": outputs,
    }
