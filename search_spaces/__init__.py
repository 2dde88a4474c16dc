"""The second floor: which graphs are possible.

A space is a document with holes, an architecture a space without any. A set of decisions fills the holes; a budget
bounds what the result may cost. Nothing here imports torch, optuna or ray.

Start with `space`; everything above it serves one of its methods. Reading order; each file imports only from those
above it:

  networks that ship
    catalog           the networks and spaces that ship, found by name
    published         papers, years and published accuracies of the networks
    weight_maps       how other libraries name the weights of a family
    weight_names      which tensor of a file is which of a network
  what there is to decide
    decisions         what there is to decide, and every way to do it
    conditions        open parameters, and which of their combinations keep `where`
    counts            how many ways there are to fill holes
    offers            what each hole offers
    agenda            what is asked for, in its order
    resolution        a document with its holes filled
    resolver          all the holes of a document
  locating a network
    targets           a graph as something to be found
    departure         where a network leaves a space
    trail             depth-first search over the ways of a walk
    domains           which alternatives of decisions are left, and which go together
    locating          the decisions that lead to a graph
  costs by sums over stages
    links             the steps of a net, where they follow one another
    summing           what decided points come to, hash and peak included, from remembered parts
    chains            a space as layers of options whose costs add up
    pricing           what a part of a document costs in its place
    unfolding         documents to chains
    bounds            a budget as bounds on sums
  costs by a walk on types
    walkable          which documents can be walked without their networks
    code_expressions  expressions and arguments as Python expressions
    quotes            blocks, and what they cost and give, each found once
    pieces            what is made on such a walk: its canonical code and its peak of memory
    choosers          make the decisions of a walk, and add up what it costs
    code_values       values, addresses and bodies as the generated functions have them
    code_calls        code of calls
    code_steps        code of steps
    code_program      documents compiled to functions that walk them
    draw_weights      weights for draws of one decision
    type_walk         the state of a walk on types alone, which these functions ask
    costing           what decisions cost while they are made, hash and peak included
  draws within a budget
    adaptive_weights  weights that adapt to what fitted before
    budgeted_chooser  a chooser that draws what is open, within limits
    stepwise          draws within bounds where a space is no chain, step by step
    points            `Point`, and a space as sampling sees it
    chain_counts      exact counts of what keeps bounds
    chain_draws       uniform draws of what keeps bounds
    sampling          points that keep a budget; budgets that nothing keeps
  what a space can do
    listing           all points that keep a budget, where they are few
    counting          how many points keep a budget
    moves             neighbours, mutations, children
    linting           what is odd about a space
    spelling          the key of a table's row, spelled by decisions
  spaces
    space             `Space`: all of this, by one name
    loading           spaces from files and texts
    kinship           the networks near another

`networks/*.yaml` are the hand-designed networks, a family in a file; `spaces/*.yaml` the search
spaces, `spaces/*.points.json` where networks lie in them.
"""

from search_spaces.catalog import CatalogEntry, NotFoundError, families, find, load_network, load_networks, names, title
from search_spaces.counting import Count
from search_spaces.decisions import Decision
from search_spaces.departure import NotInSpaceError
from search_spaces.linting import Report
from search_spaces.loading import load, parse
from search_spaces.points import DecisionError, Decisions, Drawn, Point, parse_decisions
from search_spaces.sampling import FeasibleDraws, Sampled
from search_spaces.space import Space

__all__ = [
    "CatalogEntry",
    "Count",
    "Decision",
    "DecisionError",
    "Decisions",
    "Drawn",
    "FeasibleDraws",
    "NotFoundError",
    "NotInSpaceError",
    "Point",
    "Report",
    "Sampled",
    "Space",
    "families",
    "find",
    "load",
    "load_network",
    "load_networks",
    "names",
    "parse",
    "parse_decisions",
    "title",
]
