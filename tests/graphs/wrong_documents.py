"""Documents with one mistake each. `«` stands before the word that its fault points at, and is no part of the text."""

from __future__ import annotations

from dataclasses import dataclass

HEAD = "version: 1\ninput: {image: {map: [3, 8, 8]}}\n"
RELU = "net: [{relu: {}}]\n"


@dataclass(frozen=True)
class Wrong:
    """One wrong document, and the code of its fault."""

    case: str
    code: str
    marked: str

    @property
    def text(self) -> str:
        return self.marked.replace("«", "")

    @property
    def position(self) -> tuple[int, int]:
        """Line and column of the mark, from 1."""
        lines = self.marked.partition("«")[0].split("\n")
        return len(lines), len(lines[-1]) + 1

    def __str__(self) -> str:
        return self.case


def after_head(case: str, code: str, rest: str) -> Wrong:
    """A mistake behind the usual head."""
    return Wrong(case, code, HEAD + rest)


def in_net(case: str, code: str, *steps: str, before: str = "", after: str = "") -> Wrong:
    """A mistake in or around these steps."""
    return Wrong(case, code, HEAD + before + "net:\n" + "".join(f"  - {step}\n" for step in steps) + after)


TEXT = (
    in_net("a null byte", "E001", "relu: {}«\0"),
    in_net("an escape sequence of terminals", "E001", "relu: {} # «\x1b[31m"),
    after_head("a tab", "E002", "net:\n«\t- relu: {}\n"),
    in_net("a brace that is never closed", "E002", "«{name: a, relu: {}", "relu: {}"),
    in_net("a comma that is missing", "E002", "{name: a conv«: {out_channels: 4}}"),
    in_net("a brace too many", "E002", "{name: a, relu: {}}«}"),
    in_net("a key at the wrong indentation", "E002", "conv: {out_channels: 4}\n      «when: 1 > 0"),
    in_net("a key that leaves its list", "E002", "conv: {out_channels: 4}\n  «when: 1 > 0"),
    in_net("a quote that is never closed", "E002", "{name: «'a, relu: {}}"),
    in_net("a text that begins with a percent sign", "E002", "conv: {out_channels: «%w}"),
    after_head("a bound without quotes", "E002", "require:\n  params: «> 3\n" + RELU),
    in_net("an unknown escape", "E002", r'{name: "«\q", relu: {}}'),
    in_net("a line that is no key", "E002", "relu: {}", after="«output\nrequire: {}\n"),
    in_net("a second document", "E002", "relu: {}", after="«---\nnet: []\n"),
    in_net("a duplicate key", "E003", "conv: {out_channels: 4, kernel_size: 3, «out_channels: 8}"),
    in_net("a section that stands twice", "E003", "relu: {}", after="«net: []\n"),
    in_net("a tag", "E004", "conv: {out_channels: «!!int 4}"),
    in_net("a tag that runs a command elsewhere", "E004", "relu: «!!python/object/apply:os.system {}"),
    in_net("an alias without an anchor", "E005", "conv: {out_channels: «*width}"),
    in_net("an alias inside its own anchor", "E005", "sequential: &all [{sequential: «*all}]"),
    in_net("not a number", "E006", "dropout: {p: «.nan}"),
    in_net("a number beyond all floats", "E006", "dropout: {p: «1e999}"),
    Wrong("no version", "E007", "«input: {image: {map: [3, 8, 8]}}\n" + RELU),
    Wrong("a version in quotes", "E007", 'version: «"1"\ninput: {image: {map: [3, 8, 8]}}\n' + RELU),
    Wrong("a version of the future", "E007", "version: «2\ninput: {image: {map: [3, 8, 8]}}\n" + RELU),
)

SHAPE = (
    Wrong("a list for a document", "E101", "«- relu: {}\n"),
    after_head("a step that is a word", "E101", "net:\n  - «relu\n"),
    after_head("a step without a space after its colon", "E101", "net:\n  - «relu:{}\n"),
    after_head("a step that is a list", "E101", "net:\n  - «[{relu: {}}]\n"),
    after_head("steps that are no list", "E101", "net: «{relu: {}}\n"),
    in_net("a block that is given a number", "E101", "conv: «16"),
    in_net("a primitive that is given its one argument", "E101", "dropout: «0.5"),
    in_net("a primitive that is given its one number", "E101", "flatten: {}", "linear: «10"),
    Wrong("an input without a name", "E101", "version: 1\ninput: «[3, 8, 8]\n" + RELU),
    in_net("two blocks in one step", "E101", "{conv: {out_channels: 4}, «relu: {}}"),
    in_net("an output without a name", "E101", "{name: fc, relu: {}}", after="output: «fc\n"),
    Wrong("an input without a kind", "E101", "version: 1\ninput: {image: «[3, 8, 8]}\n" + RELU),
    Wrong("an input of two sizes", "E101", "version: 1\ninput: {image: {map: «[8, 8]}}\n" + RELU),
    in_net("an argument that is a map", "E101", "conv: {out_channels: «{value: 4}}"),
    in_net("a single branch", "E101", "{join: add, parallel: «{a: [{relu: {}}]}}"),
    in_net("a source that is a number", "E101", "{from: «1, relu: {}}"),
    in_net("a repeat that is a list", "E101", "{repeat: «[1, 2], relu: {}}"),
    in_net("a condition that is a list", "E101", "{when: «[a], relu: {}}"),
    in_net("several steps for a node", "E101", "{name: a, relu: {}}", "shortcut: {like: «[a, a]}"),
    in_net("a parameter without a value", "E101", "relu: {}", before="params: {«width: int}\n"),
    in_net("a parameter without a type", "E101", "b: {}", before="blocks: {b: {params: {«w: }, body: []}}\n"),
    in_net("a body and alternatives", "E101", "b: {}", before="blocks: {b: {body: [], one_of: «[{relu: {}}]}}\n"),
    in_net("an alternative with a name", "E101", "b: {}", before="blocks: {b: {one_of: [{name: «a, relu: {}}]}}\n"),
    in_net(
        "an alternative that is never taken",
        "E101",
        "b: {}",
        before="blocks: {b: {one_of: [{«relu: {}}, {when: in.channels > 1, tanh: {}}]}}\n",
    ),
    in_net("a block that is a list", "E101", "b: {}", before="blocks: {b: «[{relu: {}}]}\n"),
    Wrong("inputs for input", "E102", "version: 1\n«inputs: {image: {map: [3, 8, 8]}}\n" + RELU),
    after_head("layers for net", "E102", "«layers: [{relu: {}}]\n"),
    in_net("outputs for output", "E102", "{name: a, relu: {}}", after="«outputs: {x: a}\n"),
    in_net("a misspelled group", "E102", "{join: add, «parralel: {a: [{relu: {}}], b: []}}"),
    in_net("a group of steps, misspelled", "E102", "«sequentail: [{relu: {}}]"),
    in_net("a section that nothing is near", "E102", "relu: {}", after="«optimizer: {lr: 0.1}\n"),
    in_net("a misspelled section", "E102", "{name: a, relu: {}}", after="«ouput: {x: a}\n"),
    in_net("a misspelled key of a step", "E102", "{«nmae: a, relu: {}}"),
    in_net("an argument beside its block", "E102", "{conv: {out_channels: 4}, «stride: 2}"),
    in_net("an argument that is not indented", "E102", "conv:\n    «out_channels: 4"),
    in_net("an argument beside a group", "E102", "{sequential: [{relu: {}}], «stride: 2}"),
    in_net("an argument beside a share", "E102", "{name: a, relu: {}}", "{share: a, «stride: 2}"),
    in_net("first without repeat", "E102", "{«first: {stride: 2}, conv: {out_channels: 4}}"),
    in_net("first for a group", "E102", "{repeat: 2, «first: {stride: 2}, sequential: [{relu: {}}]}"),
    in_net("join without parallel", "E102", "{name: a, relu: {}}", "{from: [a, in], «join: add, relu: {}}"),
    in_net("a figure that nobody counts", "E102", "relu: {}", after='require: {«parms: "< 5M"}\n'),
    in_net("a misspelled block", "E103", "«cnov: {out_channels: 4}"),
    in_net("a pool that is short of its dimensions", "E103", "«avgpool: {kernel_size: 2}"),
    in_net("a convolution in full", "E103", "«convolution: {out_channels: 4}"),
    in_net("a softmax", "E103", "«Softmax: {dim: 1}"),
    in_net("a block of another framework", "E103", "«Dense: {units: 4}"),
    in_net("a norm of one channel", "E103", "«InstanceNorm2d: {affine: false}"),
    in_net("a norm by its initials", "E103", "«gn: {num_groups: 8}"),
    in_net("a misspelled argument", "E104", "conv: {out_channels: 4, «strid: 2}"),
    in_net("input channels", "E104", "conv2d: {«in_channels: 3, out_channels: 4, kernel_size: 3}"),
    in_net("a wrong kernel name", "E104", "conv: {out_channels: 4, «kernel: 3}"),
    in_net("a misspelled argument that is needed", "E104", "conv: {«out_chanels: 4}"),
    in_net("an argument for a block without any", "E104", "relu: {«inplace: true}"),
    in_net("a misspelled argument in first", "E104", "{repeat: 2, first: {«strid: 2}, conv: {out_channels: 4}}"),
    in_net("a missing argument", "E105", "«conv: {kernel_size: 3}"),
    in_net("several missing arguments", "E105", "«inception: {b1: 8}"),
)

VALUES = (
    in_net("a stride of zero", "E106", "conv: {out_channels: 4, stride: «0}"),
    in_net("a truth value where a number stands", "E106", "conv: {out_channels: 4, groups: «true}"),
    in_net("a float where an integer stands", "E106", "conv: {out_channels: «4.0}"),
    in_net("an exponent where an integer stands", "E106", "conv: {out_channels: «1e1}"),
    in_net("a truth value of YAML 1.1", "E106", "conv2d: {out_channels: 4, kernel_size: 3, bias: «no}"),
    in_net("nothing where a number stands", "E106", "conv: {out_channels: «}"),
    in_net("a misspelled word", "E106", "conv: {out_channels: 4, activation: «rulu}"),
    in_net("three sizes for a kernel", "E106", "conv: {out_channels: 4, kernel_size: «[3, 3, 3]}"),
    in_net("a choice without its word", "E106", "conv: {out_channels: «[8, 16]}"),
    in_net("a parameter of two values", "E106", "conv: {out_channels: «w}", before="params: {w: [8, 16]}\n"),
    in_net("a number in quotes", "E106", "conv: {out_channels: w}", before='params: {w: «"4"}\n'),
    in_net("a bias that is true", "E106", "conv: {out_channels: 4, bias: «true}"),
    in_net("an expression that is no integer", "E106", "conv: {out_channels: «0.5*w}", before="params: {w: 5}\n"),
    in_net("a pair where an integer stands", "E106", "conv: {out_channels: «2*k}", before="params: {k: [3, 5]}\n"),
    in_net("half a pair", "E106", "max_pool2d: {kernel_size: «0.5*k}", before="params: {k: [2, 5]}\n"),
    in_net("a probability of two", "E106", "dropout: {p: «2}"),
    in_net("a padding beyond half the kernel", "E106", "max_pool2d: {kernel_size: 2, padding: «2}"),
    in_net("fewer channels by padding", "E106", "pad_channels: {out_channels: «2}"),
    in_net("a value deep in a shipped block", "E106", "residual_bottleneck: {width: «0}"),
    in_net("a value that a shipped block computes", "E106", "«residual_bottleneck: {width: 2, expansion: -1}"),
    in_net("a repeat below zero", "E106", "{repeat: «-1, relu: {}}"),
    in_net("an unused that says yes", "E106", "{name: a, unused: «true, relu: {}}", "{from: in, relu: {}}"),
    in_net("a join that nobody knows", "E106", "{join: «cat, parallel: {a: [], b: []}}"),
    in_net(
        "a training output that ships anyway",
        "E106",
        "{name: fc, relu: {}}",
        after="output: {logits: fc}\ntraining_output: {aux: «fc}\n",
    ),
    in_net("a name that torch has taken", "E106", "{name: «train, relu: {}}"),
    in_net("a name with a dash", "E106", "{name: «my-step, relu: {}}"),
    in_net("a name that is a word of the language", "E106", "{name: «in, relu: {}}"),
    in_net("a branch that would be code", "E106", '{join: add, parallel: {«"a\\n    raise": [], b: []}}'),
    in_net("a type that nobody knows", "E106", "relu: {}", before="blocks: {b: {params: {w: «integer}, body: []}}\n"),
    in_net("a bound without a sign", "E106", "relu: {}", after="require: {params: «5M}\n"),
    in_net("a step where a value stands", "E106", "conv: {out_channels: «in}"),
    Wrong("an input without rows", "E106", "version: 1\ninput: {image: {map: [3, «0, 8]}}\n" + RELU),
    Wrong("a dtype that nobody knows", "E106", "version: 1\ninput: {x: {vector: 8, dtype: «float8}}\n" + RELU),
    in_net("a kernel with an x", "E107", "conv: {out_channels: 4, kernel_size: «3x3}"),
    in_net("a true division", "E107", "conv: {out_channels: «w/2}", before="params: {w: 8}\n"),
    in_net("a division by zero in a shipped block", "E107", "squeeze_excitation: {reduction: «0}"),
    in_net("a condition that is a number", "E107", "{when: «w, relu: {}}", before="params: {w: 8}\n"),
    in_net("an expression that calls", "E107", "conv: {out_channels: «open('x')}"),
    in_net("a power", "E107", "conv: {out_channels: «9**9**9}"),
    in_net("a value beyond all networks", "E107", "conv: {out_channels: «999999999*999999999}"),
    in_net("a pair that is rounded", "E107", "conv: {out_channels: «ceil(k)}", before="params: {k: [3, 5]}\n"),
    in_net("a misspelled parameter", "E108", "conv: {out_channels: 2*«widht}", before="params: {width: 8}\n"),
    in_net("a word that is no padding", "E108", "conv: {out_channels: 4, padding: «same}"),
    in_net("a step that does not exist", "E108", "{name: stem, relu: {}}", "{from: «stm, relu: {}}"),
    in_net("sources that are no list", "E108", "{name: a, relu: {}}", "from: «a, in\n    add: {}"),
    in_net(
        "a step before the input",
        "E108",
        "pair: {other: «before}",
        before="blocks:\n  pair: {params: {other: node}, body: [{from: [in, other], add: {}}]}\n",
    ),
    in_net(
        "a step before one that reads two",
        "E108",
        "{name: a, relu: {}}",
        "{from: [in, a], add: {}}",
        "pair: {other: «before}",
        before="blocks:\n  pair: {params: {other: node}, body: [{from: [in, other], add: {}}]}\n",
    ),
    in_net("an output that does not exist", "E108", "{name: fc, relu: {}}", after="output: {logits: «fd}\n"),
    in_net(
        "a training output that does not exist",
        "E108",
        "{name: head, relu: {}}",
        "{name: fc, from: in, relu: {}}",
        after="training_output: {aux: head, more: «heads}\n",
    ),
    in_net(
        "a parameter of the document in a block",
        "E108",
        "cell: {}",
        before="params: {width: 8}\nblocks: {cell: {body: [{conv: {out_channels: «width}}]}}\n",
    ),
    in_net(
        "a step from outside a group",
        "E108",
        "{name: a, relu: {}}",
        "sequential: [{name: b, relu: {}}, {from: [b, «a], add: {}}]",
    ),
    in_net(
        "a training output with the name of an output",
        "E109",
        "{name: fc, relu: {}}",
        "{name: head, from: in, tanh: {}}",
        after="output: {logits: fc}\ntraining_output: {«logits: head}\n",
    ),
    in_net("two steps of one name", "E109", "{name: a, relu: {}}", "{name: «a, relu: {}}"),
    in_net("a step with the name of an input", "E109", "{name: «image, relu: {}}"),
    in_net("a branch with the name of the join", "E109", "{join: add, parallel: {«add: [{relu: {}}], b: []}}"),
    Wrong("a document without a net", "E110", "«version: 1\ninput: {image: {map: [3, 8, 8]}}\n"),
    Wrong("a document of one key", "E110", "«version: 1\n"),
    Wrong("nothing but a comment", "E110", "«# a network\n"),
    Wrong("no input at all", "E110", "version: 1\ninput: «{}\n" + RELU),
    after_head("no step at all", "E110", "net: «[]\n"),
    in_net("a step without a block", "E110", "«{name: a}"),
    in_net("branches without a join", "E110", "«parallel: {a: [{relu: {}}], b: []}"),
    in_net("a block without a body", "E110", "b: {}", before="blocks: {«b: {params: {w: 1}}}\n"),
    Wrong(
        "a first step that could read either input",
        "E110",
        "version: 1\ninput: {a: {vector: 4}, b: {vector: 4}}\nnet:\n  - «tanh: {}\n  - {from: [a, b], add: {}}\n",
    ),
    in_net("a block that calls itself", "E111", "b: {}", before="blocks: {b: {body: [{relu: {}}, {«b: {}}]}}\n"),
    in_net(
        "blocks that call each other",
        "E111",
        "relu: {}",
        before="blocks:\n  a: {body: [{b: {}}]}\n  b: {body: [{c: {}}]}\n  c: {body: [{«a: {}}]}\n",
    ),
    in_net("a choice of values", "E112", "conv: {out_channels: {«choice: [8, 16]}}"),
    in_net("a choice of steps", "E112", "«choice: {a: {relu: {}}, b: {tanh: {}}}"),
    in_net("a key of a table", "E112", "relu: {}", after='«key: "{relu}"\n'),
    in_net("weights that do not fit", "E114", "{name: a, conv: {out_channels: 4}}", "{name: b, share: «a}"),
    in_net("another file for a text", "E113", "b: {}", before="use: [«parts.yaml#b]\n"),
)

TYPES = (
    in_net(
        "wrong channels into add",
        "E201",
        "{name: a, conv: {out_channels: 4}}",
        "{name: b, conv: {out_channels: 8}}",
        "{from: [a, b], «add: {}}",
    ),
    in_net(
        "unequal inputs of add inside a block",
        "E201",
        "{name: one, b: {}}",
        before="blocks:\n  b:\n    body:\n      - {name: main, conv: {out_channels: 6, stride: 2}}\n"
        "      - {name: skip, from: in, conv: {out_channels: 6}}\n      - {from: [main, skip], «add: {}}\n",
    ),
    in_net(
        "branches of unequal size", "E201", "{join: «concat, parallel: {a: [], b: [{max_pool2d: {kernel_size: 2}}]}}"
    ),
    in_net(
        "a map and a vector",
        "E201",
        "{name: gap, global_avg_pool: {}}",
        "{from: [in, gap], «concat: {}}",
    ),
    in_net(
        "a gate of the wrong length",
        "E201",
        "{name: g, global_avg_pool: {}}",
        "{name: h, linear: {out_features: 5}}",
        "{from: [in, h], «scale: {}}",
    ),
    in_net("a linear layer on a map", "E202", "«linear: {out_features: 10}"),
    in_net("a convolution on a vector", "E202", "flatten: {}", "«conv: {out_channels: 4}"),
    in_net(
        "a norm on a vector, some steps after the pool",
        "E202",
        "global_max_pool: {}",
        "relu: {}",
        "«group_norm: {num_groups: 1}",
    ),
    Wrong(
        "a convolution on an input that is a vector",
        "E202",
        "version: 1\ninput: {values: {vector: 8}}\nnet:\n  - «conv2d: {out_channels: 4, kernel_size: 1}\n",
    ),
    in_net("channels of a vector", "E202", "flatten: {}", "sequential: [{linear: {out_features: 2*«in.channels}}]"),
    in_net("an output of size -2", "E203", "«conv2d: {out_channels: 4, kernel_size: 11}"),
    in_net("one pool too many", "E203", "{repeat: 3, max_pool2d: {kernel_size: 2}}", "«max_pool2d: {kernel_size: 2}"),
    in_net(
        "a window that no input fills", "E203", "adaptive_avg_pool2d: {output_size: 1}", "«max_pool2d: {kernel_size: 2}"
    ),
    Wrong(
        "an input that is too low, and wide enough",
        "E203",
        "version: 1\ninput: {image: {map: [3, 4, 64]}}\nnet:\n  - «conv2d: {out_channels: 4, kernel_size: 7}\n",
    ),
    in_net("groups: 2 on 3 channels", "E204", "conv: {out_channels: 4, groups: «2}"),
    in_net("groups that do not divide the output", "E204", "conv: {out_channels: 4, groups: «3}"),
    in_net("groups of a norm that do not divide", "E204", "group_norm: {num_groups: «2}"),
    in_net("an add of one input", "E205", "«add: {}"),
    in_net("an activation of two inputs", "E205", "{name: a, relu: {}}", "{from: [in, a], «relu: {}}"),
    in_net("a block of two inputs", "E205", "{name: a, relu: {}}", "{from: [in, a], «conv: {out_channels: 4}}"),
    in_net("a group of two inputs", "E205", "{name: a, relu: {}}", "{from: [in, a], «sequential: [{relu: {}}]}"),
    in_net("a repeated step of two inputs", "E205", "{name: a, relu: {}}", "{from: [in, a], repeat: 2, «add: {}}"),
    in_net("an even kernel with padding auto", "E206", "conv: {out_channels: 4, kernel_size: «4}"),
    in_net("an even kernel deep in a shipped block", "E206", "residual_basic: {out_channels: 4, kernel_size: «2}"),
)

GRAPH = (
    in_net("a dead branch", "E301", "{name: a, relu: {}}", "{name: b, from: a, «tanh: {}}", "{from: a, sigmoid: {}}"),
    in_net(
        "a dead step inside a block",
        "E301",
        "b: {}",
        before="blocks: {b: {body: [{«tanh: {}}, {from: in, relu: {}}]}}\n",
    ),
    Wrong(
        "an input that nothing reads",
        "E301",
        "version: 1\ninput: {a: {vector: 4}, «b: {vector: 4}}\nnet:\n  - {from: a, tanh: {}}\n",
    ),
    in_net("a cycle", "E302", "{name: a, from: [in, «c], add: {}}", "{name: b, relu: {}}", "{name: c, relu: {}}"),
    in_net("a step that reads itself", "E302", "{name: a, from: [in, «a], add: {}}"),
    in_net("a cycle through a shortcut", "E302", "{name: a, «shortcut: {like: b}}", "{name: b, relu: {}}"),
    in_net(
        "too many parameters",
        "E303",
        "conv2d: {out_channels: 9, kernel_size: 3}",
        after='require: {params: «"< 200"}\n',
    ),
    in_net("too little work", "E303", "relu: {}", after='require: {macs: «">= 1k"}\n'),
    Wrong(
        "a condition on parameters that does not hold",
        "E304",
        "version: 1\nparams: {width: 12, groups: 8}\nwhere: [width >= 8, «width % groups == 0]\n"
        "input: {image: {map: [3, 8, 8]}}\nnet:\n  - conv: {out_channels: width, groups: 1}\n",
    ),
    in_net(
        "a condition of a block that a call does not keep",
        "E304",
        "relu: {}",
        "«cell: {width: 8}",
        before="blocks: {cell: {params: {width: int}, where: width % in.channels == 0, "
        "body: [{conv: {out_channels: width}}]}}\n",
    ),
    in_net("too much memory at once", "E303", "relu: {}", after='require: {peak_bytes: «"< 1k"}\n'),
)

LIMITS = (
    in_net("a number of nineteen digits", "E401", "conv: {out_channels: «1234567890123456789}"),
    in_net("too many channels", "E401", "«conv2d: {out_channels: 65537, kernel_size: 1}"),
    in_net("too many nodes", "E401", "{repeat: 20000, relu: {}}", "«relu: {}"),
    in_net("too many repeated steps", "E401", "{repeat: 20000, sequential: [{repeat: 20000, «sequential: []}]}"),
    in_net("too many parameters for any machine", "E401", "flatten: {}", "«linear: {out_features: 9999999999}"),
    in_net("a stride beyond all images", "E401", "«max_pool2d: {kernel_size: 1, stride: 65537}"),
    in_net("values nested too deep", "E401", "relu: " + "[" * 61 + "«[" + "]" * 62),
)

# It needs an installed package, so that it is no part of the table: `tests/blocks/test_extensions.py` tells its text.
FOREIGN = in_net("a block of another package that fails", "E115", "«halve: {by: 0}")

WRONG = (*TEXT, *SHAPE, *VALUES, *TYPES, *GRAPH, *LIMITS)
