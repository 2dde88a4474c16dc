"""What a compiled network does, decided before torch is there: passes over a small typed plan.

A plan is a graph's nodes as operations in order; a pass is a function from a plan to an equal one. None imports torch:
`graphs.training_kernels` and `graphs.inference_kernels` turn operations into callables, `graphs.compilation` makes the
module that calls them.

Reading order; each file imports only from those above it:

    plan         `Plan` and `Operation`; the plan of a graph as it stands
    rewriting    operations put into one another's place
    dropout      inference: dropout is the identity
    folding      inference: a norm becomes part of the convolution before it
    pointwise    inference: an activation, or a sum, becomes part of the convolution before it
    horizontal   convolutions of one input and one geometry become one
    inplace      what overwrites an input that nobody reads again
    pipeline     which passes a plan goes through
    source       the text of the forward pass
"""

from graphs.passes.pipeline import PASSES, Mode, plan_of
from graphs.passes.plan import Branch, Convolution, InPlace, Kernel, Module, Norm, Operation, Plan

__all__ = [
    "PASSES",
    "Branch",
    "Convolution",
    "InPlace",
    "Kernel",
    "Mode",
    "Module",
    "Norm",
    "Operation",
    "Plan",
    "plan_of",
]
