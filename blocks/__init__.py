"""The ground floor: what one operation is.

Every primitive is a frozen pydantic model with three rules: `infer` gives the type of its output, `cost` what it
costs, `build` its torch module. Nothing here knows of graphs, documents or searches, and nothing but
`modules` imports torch when it is itself imported.

Reading order; each file imports only from those above it:

    errors           the error tree of the whole project, and how a rule refuses
    types            what flows along an edge: `Map` and `Vector`
    primitive        the contract: `Primitive`, `Cost`, `Window`
    geometry         output sizes of sliding windows, groups of channels
    modules          torch modules for what torch has no class for
    convolution      conv2d
    pooling          max_pool2d, avg_pool2d, adaptive_avg_pool2d, adaptive_max_pool2d, global_avg_pool, global_max_pool
    dense            linear, flatten
    regularization   dropout, stochastic_depth
    normalization    batch_norm2d, layer_norm2d, group_norm, local_response_norm
    activation       relu, relu6, leaky_relu, prelu, elu, silu, gelu, mish, hardswish, hardsigmoid, sigmoid, tanh
    scaling          multiply, layer_scale
    merging          add, concat, scale, pad_channels
    rearranging      channel_shuffle, slice_channels, pad_map
    catalog          the tuple of all primitives, and look-up by key
    extensions       primitives of other packages

`composites/*.yaml` are the blocks made of these, written in the language of `graphs`.
"""

from blocks.catalog import CATALOG, primitive
from blocks.errors import FixpointError, RuleError
from blocks.primitive import Cost, Primitive, Window
from blocks.types import Map, Type, Vector

__all__ = ["CATALOG", "Cost", "FixpointError", "Map", "Primitive", "RuleError", "Type", "Vector", "Window", "primitive"]
