"""Pictures of a graph at the level of its blocks: SVG, a page of HTML, Mermaid, Graphviz. Plain Python, and the same
text for the same graph everywhere.

A graph becomes a tree of parts; a level of detail cuts the tree into a scene of boxes and frames; a layout gives them
places. Mermaid and Graphviz take the scene and place it themselves.

Reading order; each file imports only from those above it:

    parts       the graph as a tree of blocks, branches and repetitions; which are alike
    scene       boxes, frames, and the values between them
    detail      how deep, how folded: what is readable
    labels      shapes, key arguments, figures and shares in words
    lettering   the text of a box, and the room it takes
    layering    layers, and an order within them
    placing     places within layers
    layout      a scene in its place
    style       colours and lines, light and dark
    svg         one file without a script
    clusters    scenes as nested lists
    mermaid     flowcharts for Markdown
    dot         the language of Graphviz
    page        what a page shows: views and opened blocks
    html        one offline file whose blocks open
    formats     `draw`
"""

from graphs.drawing.formats import FORMATS, Format, draw

__all__ = ["FORMATS", "Format", "draw"]
