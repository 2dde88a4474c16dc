"""The first floor: how operations are wired.

A document (YAML or JSON) is read into templates and steps, expanded into a graph of typed nodes, costed, hashed,
emitted again, and compiled to torch. Nothing here imports torch but the last five files, which
`Graph.compile` loads.

Reading order; each file imports only from those above it:

    faults             codes, positions and the text of errors: `DocumentError`
    syntax             what a parser says, in words that help
    text               YAML and JSON as trees of located values
    expressions        the little language of numeric fields
    quantities         4k, 600M, 4.2G
    document           a document as data: templates, steps, holes
    tree_checks        maps with known keys, texts, names
    migrations         documents of older versions
    holes              holes where values stand: well formed, and allowed
    parameters         trees to parameters
    steps              trees to steps
    templates          trees to templates, and those taken from other files
    keys               how a space spells the keys of a table
    reading            trees to documents
    emission           documents to YAML
    library            the composites that ship with the product
    costs              parameters, MACs, memory, receptive field
    symmetry           values that colours don't tell apart
    colours            what values are alike
    series             a graph as parts in series
    canonical          one hash for equal graphs
    graph              `Graph` and `Node`
    parts              what parts of networks come to
    fragments          expansions of shipped blocks, remembered
    slots              what each argument of a block takes
    arguments          the value of a text, as an argument
    signatures         what templates take
    calls              the arguments of one call, and the primitive that comes of them
    frames             where an expansion stands, and who is to blame for a fault
    guides             what leads an expansion through open holes
    inputs             what a document starts from: its parameters and inputs
    recursion          templates that are made of themselves
    ordering           names and order of the steps of a body
    assembly           the nodes of a graph as they come, faults at their place, limits
    lexicon            what the calls of a document mean
    resolving          what a step reads, whether it is done, and how often
    binding            what the body of a template may read
    heads              outputs that only training has
    tally              the figures of a network as they come, without its nodes
    walking            the steps of bodies, one after the other: names, templates, types
    expansion          documents to graphs
    smallest           the smallest legal input
    budget             `Budget`: bounds on costs
    requirements       what a network may cost: limits, and what its document requires
    loading            `load` and `parse`: everything above, all faults at once
    building           `Builder`: graphs made in Python, without a text
    argument_schemas   what arguments take, as JSON Schemas
    schema             the language as a JSON Schema, for editors
    conventions        what other tools count
    pairing            which nodes of two graphs stand for each other
    difference         what is different between two graphs
    drawing/           pictures: SVG, HTML, Mermaid, Graphviz
    passes/            what is done together when a network runs
    training_kernels   operations of a plan as callables on tensors, for training
    convolutions       a convolution of inference, on oneDNN, on cuDNN, or with torch alone
    inference_kernels  operations of a plan as callables on tensors, for inference
    preparation        the weights of inference, made when they are needed
    compilation        graphs to torch modules
"""

from blocks.types import Map, Vector
from graphs.budget import Budget
from graphs.building import Builder
from graphs.costs import Costs, Totals
from graphs.document import Document
from graphs.faults import DocumentError, Fault
from graphs.graph import Graph, Group, Node
from graphs.loading import load, parse

__all__ = [
    "Budget",
    "Builder",
    "Costs",
    "Document",
    "DocumentError",
    "Fault",
    "Graph",
    "Group",
    "Map",
    "Node",
    "Totals",
    "Vector",
    "load",
    "parse",
]
