"""The first floor: how operations are wired.

A document (YAML or JSON) is read into templates and steps, expanded into a graph of typed nodes, costed, hashed, emitted
again, and compiled to torch. Nothing here imports torch but `graphs.compilation`, which `Graph.compile` loads.

Reading order; each file imports only from those above it:

    faults        codes, positions and the text of errors: `DocumentError`
    text          YAML and JSON as trees of located values
    expressions   the little language of numeric fields
    quantities    4k, 600M, 4.2G
    document      a document as data: templates, steps, holes
    reading       trees to documents
    emission      documents to YAML
    library       the composites that ship with the product
    costs         parameters, MACs, memory, receptive field
    canonical     one hash for equal graphs
    graph         `Graph` and `Node`
    arguments     what a block takes, and the value of a text
    ordering      names and order of the steps of a body
    expansion     documents to graphs: names, templates, types
    budget        `Budget`: bounds on costs
    loading       `load` and `parse`: everything above, all faults at once
    compilation   graphs to torch modules
"""

from graphs.budget import Budget
from graphs.costs import Costs
from graphs.document import Document
from graphs.faults import DocumentError, Fault
from graphs.graph import Graph, Node
from graphs.loading import load, parse

__all__ = ["Budget", "Costs", "Document", "DocumentError", "Fault", "Graph", "Node", "load", "parse"]
