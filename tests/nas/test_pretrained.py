"""Weights from elsewhere: recognised by their names and shapes, read safely, and refused with all that is wrong."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import graphs
import search_spaces
from nas import bundle as bundles
from nas.bundle import random_weights
from nas.pretrained import OWN, Pretrained, load_pretrained
from nas.weight_files import WeightsError, open_weights
from search_spaces.weight_maps import load_key_maps, read_key_maps
from tests import references
from tests.nas.conftest import Answer

State = dict[str, Tensor]

NETWORK = """
version: 1
name: little
params: {classes: 4}
input: {image: {map: [3, 8, 8]}}
net:
  - {name: stem, conv: {out_channels: 6, kernel_size: 3}}
  - {name: pool, global_avg_pool: {}}
  - {name: aux, from: stem, global_avg_pool: {}}
  - {name: aux_fc, linear: {out_features: classes}}
  - {name: logits, from: pool, linear: {out_features: classes}}
output: {logits: logits}
training_output: {aux: aux_fc}
"""
MAP = """
version: 1
library:
  stem: {to: "", parts: {conv: conv1, norm: bn1}}
  logits: fc
  aux_fc: aux
  unused: ["extra.*"]
"""
THEIRS = {"stem.conv": "conv1", "stem.norm": "bn1", "logits": "fc", "aux_fc": "aux"}
HEADS = ("aux_fc.weight", "aux_fc.bias")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which files are called by their bare names, as in the expected messages."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def little(classes: int = 4) -> graphs.Graph:
    return graphs.parse(NETWORK, settings={"classes": classes})


def state_of(graph: graphs.Graph) -> State:
    """Random weights for all of a network, its heads as well."""
    torch.manual_seed(3)
    state = graph.compile().state_dict()
    return {key: value if "tracked" in key else torch.randn(value.shape) for key, value in state.items()}


def theirs(state: State) -> State:
    """The same under the names of the library of `MAP`."""
    named = {key.rpartition("."): value for key, value in state.items()}
    return {f"{THEIRS[address]}.{tensor}": value for (address, _, tensor), value in named.items()}


def load(path: Path, graph: graphs.Graph | None = None, *relatives: graphs.Graph) -> Pretrained:
    Path("map.yaml").write_text(MAP)
    return load_pretrained(graph or little(), path, read_key_maps(Path("map.yaml")), relatives)


def saved(content: Any, **options: Any) -> Path:
    path = Path("file.pth")
    torch.save(content, path, **options)
    return path


def refusal(path: Path, graph: graphs.Graph | None = None, *relatives: graphs.Graph) -> str:
    with pytest.raises(WeightsError) as caught:
        load(path, graph, *relatives)
    return str(caught.value)


def expected(state: State) -> State:
    return {key: value for key, value in state.items() if key not in HEADS}


def assert_equal(state: State, wanted: State) -> None:
    assert list(state) == list(wanted)
    for key, value in wanted.items():
        assert state[key].dtype == value.dtype
        assert state[key].equal(value), key


class TestFiles:
    """What files of weights look like."""

    FORMS: dict[str, Callable[[State], Path]] = {  # noqa: RUF012
        "zipped": saved,
        "of old torch": lambda state: saved(state, _use_new_zipfile_serialization=False),
        "a checkpoint": lambda state: saved({"epoch": 3, "arch": "little", "state_dict": state}),
        "a model in a checkpoint": lambda state: saved({"model": {"state_dict": state}, "optimizer": {"state": {}}}),
        "of a parallel module": lambda state: saved({f"module.{key}": value for key, value in state.items()}),
        "of two wrappers": lambda state: saved({f"module._orig_mod.{key}": value for key, value in state.items()}),
        "with things beside": lambda state: saved({**state, "epoch": 3}),
        "transposed in memory": lambda state: saved(
            {k: v.T.contiguous().T if v.dim() == 2 else v for k, v in state.items()}
        ),
    }

    @pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
    @pytest.mark.parametrize("names", [dict, theirs], ids=["own", "theirs"])
    def test_every_form_is_understood(self, form: Callable[[State], Path], names: Any, folder: Path) -> None:
        state = state_of(little())
        found = load(form(names(state)))
        assert found.names_of == (OWN if names is dict else "library")
        assert_equal(found.state, expected(state))
        assert all(value.is_contiguous() for value in found.state.values())

    @pytest.mark.parametrize("names", [dict, theirs], ids=["own", "theirs"])
    def test_safetensors_are_known_whatever_they_are_called(self, names: Any, folder: Path) -> None:
        state = state_of(little())
        save_file(names(state), "weights.bin")
        assert_equal(load(Path("weights.bin")).state, expected(state))

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
    def test_numbers_become_float32(self, dtype: torch.dtype, folder: Path) -> None:
        state = {
            key: value.to(dtype) if value.is_floating_point() else value for key, value in state_of(little()).items()
        }
        wanted = {key: value.float() if value.is_floating_point() else value for key, value in expected(state).items()}
        assert_equal(load(saved(state)).state, wanted)

    def test_weights_of_what_ships_alone_are_enough(self, folder: Path) -> None:
        state = expected(state_of(little()))
        assert_equal(load(saved(theirs(state))).state, state)
        assert_equal(load(saved(state)).state, state)

    def test_counters_of_norms_may_be_missing(self, folder: Path) -> None:
        state = expected(state_of(little()))
        found = load(saved({key: value for key, value in state.items() if "tracked" not in key}))
        assert_equal(found.state, state)

    @pytest.mark.parametrize("shape", [(4, 6, 1, 1), (4, 2, 3, 1)], ids=str)
    def test_a_linear_layer_may_be_a_convolution_in_a_library_alone(self, shape: tuple[int, ...], folder: Path) -> None:
        state = expected(state_of(little()))
        assert_equal(load(saved({**theirs(state), "fc.weight": state["logits.weight"].reshape(shape)})).state, state)
        wrong = saved({**state, "logits.weight": state["logits.weight"].reshape(shape)})
        assert f"`logits.weight` is {'x'.join(map(str, shape))}: 4x6 is wanted" in refusal(wrong)

    def test_a_convolution_of_another_form_is_none_that_is_wanted(self, folder: Path) -> None:
        state = theirs(state_of(little()))
        turned = saved({**state, "conv1.weight": state["conv1.weight"].reshape(6, 3, 9, 1)})
        assert "`conv1.weight` is 6x3x9x1: it is `stem.conv.weight`, and 6x3x3x3 is wanted" in refusal(turned)

    def test_the_file_is_not_held(self, folder: Path) -> None:
        state = state_of(little())
        found = load(saved(state))
        Path("file.pth").write_bytes(bytes(Path("file.pth").stat().st_size))
        assert_equal(found.state, expected(state))


class TestMisfits:
    """Weights of something else: all that is wrong is told at once."""

    def test_another_number_of_classes(self, folder: Path) -> None:
        path = saved(theirs(state_of(little(classes=10))))
        assert refusal(path) == (
            "file.pth does not fit little, by the names of library: 2 of another shape\n"
            "  `fc.weight` is 10x6: it is `logits.weight`, and 4x6 is wanted\n"
            "  `fc.bias` is 10: it is `logits.bias`, and 4 is wanted\n"
            "  help: the file tells 10 classes apart: --set classes=10"
        )
        assert load(path, little(classes=10)).names_of == "library"

    def test_missing_and_unknown_tensors(self, folder: Path) -> None:
        state = theirs(state_of(little()))
        state["conv2.weight"] = state.pop("conv1.weight")
        assert refusal(saved({**state, "more.weight": torch.zeros(1)})) == (
            "file.pth does not fit little, by the names of library: 1 missing, 2 unknown\n"
            "  `conv1.weight` is missing, for `stem.conv.weight`; did you mean `conv2.weight`?\n"
            "  `conv2.weight` is nothing of little\n"
            "  `more.weight` is nothing of little\n"
            "  help: a state_dict of this very network is wanted, or of the same one in a library that is known here"
        )

    def test_what_the_map_calls_unused_is_dropped(self, folder: Path) -> None:
        state = state_of(little())
        found = load(saved({**theirs(state), "extra.deep.weight": torch.zeros(9)}))
        assert_equal(found.state, expected(state))

    def test_a_long_list_is_cut(self, folder: Path) -> None:
        said = refusal(saved({**state_of(little()), **{f"more{n}.weight": torch.zeros(1) for n in range(9)}}))
        assert "9 unknown\n" in said
        assert said.count("is nothing of little") == 6
        assert "\n  and 3 more\n" in said

    def test_names_of_nothing_that_is_known(self, folder: Path) -> None:
        assert refusal(saved({"encoder.w": torch.zeros(1), "decoder.w": torch.zeros(1)})) == (
            "the tensors of file.pth have names that little does not know\n"
            "  help: it knows its own names, `stem.conv.weight`, `stem.norm.weight`, ...; the file has `encoder.w`, "
            "`decoder.w`, ..."
        )

    def test_the_network_that_is_meant_is_named(self, folder: Path) -> None:
        other = graphs.parse(
            NETWORK.replace("out_channels: 6", "out_channels: 8").replace("name: little", "name: wide")
        )
        said = refusal(saved(theirs(state_of(other))), little(), little(10), other)
        assert said == (
            "file.pth does not fit little, by the names of library: 6 of another shape\n  help: it fits wide"
        )

    def test_shapes_are_compared_before_a_tensor_is_made(self, folder: Path) -> None:
        """A tensor of 4 TB that is one number, again and again."""
        state = {**state_of(little()), "logits.weight": torch.zeros(1).expand(10**6, 10**6)}
        assert "`logits.weight` is 1000000x1000000: 4x6 is wanted" in refusal(saved(state))


class Malicious:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch ran",)


class TestDamage:
    """What is no file of weights ends in one sentence."""

    @pytest.mark.parametrize("zipped", [True, False], ids=["zipped", "of old torch"])
    def test_nothing_in_a_file_is_executed(self, zipped: bool, folder: Path) -> None:
        path = saved({"stem.conv.weight": Malicious()}, _use_new_zipfile_serialization=zipped)
        assert "holds Python objects, which could run anything; not loaded" in refusal(path)
        assert not Path("ran").exists()

    def test_a_whole_module_is_not_loaded(self, folder: Path) -> None:
        assert "torch.save(model.state_dict(), path)" in refusal(saved(torch.nn.Linear(2, 2)))

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ([1, 2], "file.pth holds no weights, but list"),
            ({"epoch": 1, "loss": 0.5}, "file.pth holds no weights, but a dictionary of epoch, loss"),
            (torch.zeros(3), "file.pth holds no weights, but Tensor"),
            ({"state_dict": {}}, "file.pth holds no weights, but a dictionary of "),
        ],
        ids=["list", "numbers", "one tensor", "empty"],
    )
    def test_what_holds_no_weights_says_what_it_holds(self, content: Any, said: str, folder: Path) -> None:
        assert refusal(saved(content)).startswith(said)

    @pytest.mark.parametrize("dtype", [torch.complex64, torch.int32, torch.bool])
    def test_numbers_of_another_kind_are_refused(self, dtype: torch.dtype, folder: Path) -> None:
        state = state_of(little())
        state["logits.bias"] = state["logits.bias"].to(dtype)
        kind = str(dtype).removeprefix("torch.")
        assert refusal(saved(state)) == (
            f"file.pth: `logits.bias` is no dense tensor of floating-point numbers, but {kind}"
        )

    @pytest.mark.parametrize("part", [0.0, 0.01, 0.5, 0.99])
    @pytest.mark.parametrize("form", ["zipped", "old", "safetensors"])
    def test_a_file_that_is_cut_short(self, form: str, part: float, folder: Path) -> None:
        state = state_of(little())
        if form == "safetensors":
            save_file(state, "file.pth")
        else:
            saved(state, _use_new_zipfile_serialization=form == "zipped")
        content = Path("file.pth").read_bytes()
        Path("file.pth").write_bytes(content[: int(part * len(content))])
        assert refusal(Path("file.pth")).startswith("file.pth ")

    def test_a_changed_byte_is_seen(self, folder: Path) -> None:
        state = {"stem.conv.weight": torch.full((6, 3, 3, 3), 1.5)}
        content = bytearray(saved(state).read_bytes())
        content[content.index(struct.pack("<f", 1.5)) + 40] ^= 1
        Path("file.pth").write_bytes(content)
        assert "is damaged: `file/data/0` does not have its checksum" in refusal(Path("file.pth"))

    def test_a_header_that_promises_too_much(self, folder: Path) -> None:
        header = json.dumps({"a": {"dtype": "F32", "shape": [2**40, 2**10], "data_offsets": [0, 4]}}).encode()
        Path("file.pth").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
        assert refusal(Path("file.pth")).startswith("file.pth is a damaged file of safetensors: ")

    @pytest.mark.parametrize("content", [b"<!DOCTYPE html><html></html>", b"version 1\n", bytes(100)])
    def test_something_else_altogether(self, content: bytes, folder: Path) -> None:
        Path("file.pth").write_bytes(content)
        assert refusal(Path("file.pth")).startswith("file.pth is neither safetensors nor a file of torch")

    def test_a_folder_and_a_missing_file(self, folder: Path) -> None:
        assert refusal(folder) == f"{folder} is a folder\n  help: give the file of weights in it"
        assert refusal(Path("nowhere.pth")) == "nowhere.pth can't be read: No such file or directory"

    def test_a_program_is_no_file_of_weights(self, folder: Path) -> None:
        program = torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))
        torch.export.save(program, "file.pth")
        assert refusal(Path("file.pth")).startswith("file.pth ")


class TestLibraries:
    """Files as torchvision and timm write them."""

    @pytest.mark.parametrize("library", ["torchvision", "timm"])
    def test_their_weights_are_recognised(self, library: str, folder: Path) -> None:
        if library == "torchvision":
            model = references.torchvision().models.resnet18()
            path = saved(model.state_dict())
        else:
            model = references.timm().create_model("resnet18")
            path = Path("model.safetensors")
            save_file(model.state_dict(), path)
        found = load_pretrained(search_spaces.load_network("resnet18"), path, load_key_maps("resnet"))
        assert found.names_of == "torchvision, timm"
        assert found.state["logits.weight"].equal(model.state_dict()["fc.weight"])

    def test_a_file_is_opened_without_reading_its_tensors(self, folder: Path) -> None:
        save_file({"a": torch.zeros(3, 4)}, "file.pth")
        assert open_weights(Path("file.pth")).shapes == {"a": (3, 4)}


class TestExport:
    """`nas export NAME --weights FILE`."""

    def test_weights_of_torch_become_a_bundle(self, nas: Callable[..., Answer], folder: Path) -> None:
        graph = search_spaces.load_network("lenet5", {"classes": 7})
        state = random_weights(graph, seed=5)
        path = saved({"state_dict": {f"module.{key}": value for key, value in state.items()}})
        code, out, err = nas("export", "lenet5", "--set", "classes=7", "--weights", path, "--to", "b", "--json")
        assert (code, err) == (0, "writing b, and proving that every format computes what lenet5 does\n")
        assert json.loads(out)["parity"]["onnx"]["ok"]
        _, weights = bundles.load_bundle(Path("b"))
        assert all(weights[key].equal(value) for key, value in state.items())
        metadata = json.loads(Path("b/manifest.json").read_text())["metadata"]
        assert metadata["weights"] == "file.pth"
        assert metadata["names_of"] == OWN
        assert len(metadata["weights_sha256"]) == 64

    def test_a_file_that_is_not_there_may_be_another(self, nas: Callable[..., Answer], folder: Path) -> None:
        Path("lenet.pth").touch()
        told = "error: there is no file `lent.pth`\n  help: did you mean `lenet.pth`?\n"
        code, out, err = nas("export", "lenet5", "--weights", "lent.pth")
        assert (code, out, err) == (1, "", told)

    def test_a_misfit_leaves_nothing_behind(self, nas: Callable[..., Answer], folder: Path) -> None:
        path = saved(random_weights(search_spaces.load_network("lenet5", {"classes": 7})))
        code, out, err = nas("export", "lenet5", "--weights", path, "--to", "b")
        assert (code, out) == (1, "")
        assert err.startswith("error: file.pth does not fit lenet5, by its own names: 2 of another shape\n")
        assert err.endswith("  help: the file tells 7 classes apart: --set classes=7\n")
        assert not Path("b").exists()
