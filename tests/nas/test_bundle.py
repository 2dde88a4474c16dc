"""Bundles: what is in them, that it computes the same, and that a failure leaves nothing behind."""

import errno
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import graphs
import search_spaces
from graphs import Budget, Graph
from nas import bundle as bundles
from nas import manifest, parity
from nas.bundle import ExportError, export, load_bundle, random_weights, read_weights
from tests.search_spaces.proof_data import proofs

TWO_CONVOLUTIONS = """
version: 1
name: two
input: {image: {map: [1, 8, 8]}}
net:
  - {name: a, conv: {out_channels: 4, kernel_size: 3}}
  - {name: b, conv: {out_channels: 4, kernel_size: 3}}
  - {name: sum, from: [a, b], add: {}}
  - {name: pool, global_avg_pool: {}}
  - {name: logits, linear: {out_features: 10}}
output: {logits: logits}
"""
# Convolutions 1*4*9 and 4*4*9, two norms of 4 scales and 4 offsets, linear 4*10 + 10.
PARAMS = 36 + 144 + 16 + 50
# The convolutions at 64 positions, and the linear layer.
MACS = (36 + 144) * 64 + 40
FILES = {"architecture.yaml", "model.safetensors", "model.onnx", "manifest.json"}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graphs.parse(TWO_CONVOLUTIONS)


@pytest.fixture(scope="module")
def state(graph: Graph) -> dict[str, torch.Tensor]:
    """Weights of a network whose norms have seen data, so that folding them into convolutions has something to do."""
    module = graph.compile()
    module.load_state_dict(random_weights(graph, seed=3))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        module.train()
        module(torch.randn(16, 1, 8, 8) * 2 + 1)
    return dict(module.state_dict())


@pytest.fixture(scope="module")
def written(graph: Graph, state: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> bundles.Bundle:
    to = tmp_path_factory.mktemp("exports") / "deep" / "two"
    return export(
        graph, state, to, budget=Budget.of(max_params=PARAMS, max_macs=MACS), metadata={"accuracy": [0.5, 0.6]}
    )


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch, written: bundles.Bundle) -> None:
    """The ONNX exporter answers at once with what it gave for `written`; for tests about everything else."""
    content = (written.path / "model.onnx").read_bytes()
    monkeypatch.setattr(bundles, "onnx_bytes", lambda *_: content)


def test_a_bundle_holds_four_files_with_their_digests(written: bundles.Bundle) -> None:
    assert {path.name for path in written.path.iterdir()} == FILES == written.files.keys()
    assert all(manifest.digest(written.path / name) == sha for name, sha in written.files.items())
    assert [path.name for path in written.path.parent.iterdir()] == ["two"]


def test_every_format_equals_the_compiled_model(written: bundles.Bundle) -> None:
    assert written.parity["safetensors"] == {"max_abs_diff": 0.0, "max_rel_diff": 0.0, "ok": True}
    assert written.parity["onnx"]["ok"] is True
    assert written.parity["onnx"]["max_abs_diff"] < 1e-5


def test_the_manifest_says_what_the_bundle_is(written: bundles.Bundle, graph: Graph) -> None:
    said = json.loads((written.path / "manifest.json").read_text())
    assert (said["format"], said["version"], said["name"], said["hash"]) == ("fixpoint-bundle", 1, "two", graph.hash)
    assert (said["costs"]["params"], said["costs"]["macs"], said["costs"]["flops"]) == (PARAMS, MACS, 2 * MACS)
    assert said["budget"] == {"bounds": {"max_params": PARAMS, "max_macs": MACS}, "kept": True}
    assert said["parity"]["batches"] == [1, 3, 7]
    assert said["input"] == {"image": [1, 8, 8]}
    assert said["output"] == {"logits": [10]}
    assert said["metadata"] == {"accuracy": [0.5, 0.6]}
    assert said["versions"]["torch"] == torch.__version__
    assert said["files"].keys() == FILES - {"manifest.json"}


def test_the_onnx_file_is_one_of_opset_20_for_any_batch_and_names_no_path_of_this_machine(
    written: bundles.Bundle,
) -> None:
    content = (written.path / "model.onnx").read_bytes()
    model = onnx.load_model_from_string(content)
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 20)]
    assert [value.name for value in model.graph.input] == ["image"]
    assert [value.name for value in model.graph.output] == ["logits"]
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert b"site-packages" not in content
    assert str(Path(bundles.__file__).parent).encode() not in content


def test_a_bundle_gives_back_its_network_and_its_weights(
    written: bundles.Bundle, graph: Graph, state: dict[str, torch.Tensor]
) -> None:
    again, weights = load_bundle(written.path)
    assert again.hash == graph.hash
    assert weights.keys() == state.keys()
    assert all(torch.equal(weights[key], state[key]) for key in state)


@pytest.mark.slow
def test_the_same_network_gives_the_same_bytes(
    written: bundles.Bundle, graph: Graph, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    budget = Budget.of(max_params=PARAMS, max_macs=MACS)
    again = export(graph, state, tmp_path / "again", budget=budget, metadata={"accuracy": [0.5, 0.6]})
    assert again.files == written.files


@pytest.mark.slow
def test_every_format_equals_the_compiled_model_of_norms_of_groups_slopes_and_largest_values(tmp_path: Path) -> None:
    """13 columns into 6 cells, which overlap, and 11 rows into 3; then cells that divide the map."""
    graph = graphs.parse(
        """
version: 1
name: words
input: {image: {map: [3, 11, 13]}}
net:
  - {name: a, conv: {out_channels: 6, kernel_size: 3, norm: none, activation: elu}}
  - {name: groups, group_norm: {num_groups: 3}}
  - {name: b, conv: {out_channels: 6, kernel_size: 3, activation: prelu}}
  - {name: plain, group_norm: {num_groups: 6, affine: false}}
  - {name: slopes, prelu: {num_parameters: 6}}
  - {name: grid, adaptive_max_pool2d: {output_size: [3, 6]}}
  - {name: sides, adaptive_max_pool2d: {output_size: [1, 2]}}
  - {name: more, adaptive_max_pool2d: {output_size: [3, 3]}}
  - {name: c, conv: {out_channels: 5, kernel_size: 1, activation: mish}}
  - {name: most, global_max_pool: {}}
output: {most: most, grid: grid, sides: sides}
"""
    )
    written = export(graph, random_weights(graph), tmp_path / "words")
    assert written.parity["onnx"]["ok"] is True


@pytest.mark.slow
def test_a_network_of_two_inputs_and_two_outputs_keeps_their_names_apart(tmp_path: Path) -> None:
    graph = graphs.parse(
        """
version: 1
name: siamese
input: {right: {map: [1, 6, 6]}, left: {map: [1, 6, 6]}}
net:
  - {name: a, from: right, conv2d: {out_channels: 2, kernel_size: 3}}
  - {name: b, from: left, conv2d: {out_channels: 2, kernel_size: 3}}
  - {name: sum, from: [a, b], add: {}}
output: {zebra: sum, ant: a}
"""
    )
    written = export(graph, random_weights(graph), tmp_path / "siamese")
    assert written.parity["onnx"]["ok"] is True
    outputs = parity.onnx_run(written.path / "model.onnx")(
        {name: np.ones((2, 1, 6, 6), dtype=np.float32) * scale for name, scale in (("right", 1), ("left", 2))}
    )
    assert outputs.keys() == {"zebra", "ant"}
    assert not np.allclose(outputs["zebra"], outputs["ant"])


def test_an_export_drops_what_only_training_needs(tmp_path: Path) -> None:
    graph = graphs.parse(
        """
version: 1
input: {image: {map: [1, 6, 6]}}
net:
  - {name: a, conv2d: {out_channels: 2, kernel_size: 3}}
  - {name: head, from: a, conv2d: {out_channels: 2, kernel_size: 3}}
  - {name: b, from: a, relu: {}}
output: {b: b}
training_output: {aux: head}
"""
    )
    written = export(graph, graph.compile().state_dict(), tmp_path / "heads", budget=Budget.of(max_params=20))
    assert read_weights(written.path / "model.safetensors")[0].keys() == {"a.weight", "a.bias"}
    assert [value.name for value in onnx.load(written.path / "model.onnx").graph.output] == ["b"]
    again, state = load_bundle(written.path)
    assert again.in_training.hash == graph.in_training.hash
    for mode in ("train", "infer"):
        again.as_shipped.compile(mode=mode).load_state_dict(state)
    assert state.keys() == {"a.weight", "a.bias"}


def first_of_families() -> list[object]:
    """A network of each family as parameters of a test, those that take seconds marked."""
    names = [names[0] for names in search_spaces.families("network").values()]
    slow = {name for name in names if proofs()[name].params > 20_000_000 or proofs()[name].macs > 2_000_000_000}
    return [pytest.param(name, marks=[pytest.mark.slow] if name in slow else []) for name in names]


@pytest.mark.parametrize("name", first_of_families())
def test_random_weights_let_the_images_reach_the_outputs(name: str) -> None:
    """Outputs that are alike for all images would pass a proof of parity whatever became of the images."""
    graph = search_spaces.load_network(name)
    images = {name: np.random.default_rng(0).standard_normal((2, *type_.shape)) for name, type_ in graph.inputs.items()}
    run = bundles.torch_run(graph, bundles.compiled(graph, random_weights(graph)))
    for output in run({name: image.astype(np.float32) for name, image in images.items()}).values():
        allowed = parity.TOLERANCE * float(np.abs(output).max())
        assert np.abs(output[0] - output[1]).max() > 50 * allowed


def _nothing(folder: Path) -> bool:
    return list(folder.iterdir()) == []


@pytest.mark.usefixtures("instant")
class TestRefusals:
    def test_a_budget_that_the_compiled_model_breaks(
        self, graph: Graph, state: dict[str, torch.Tensor], tmp_path: Path
    ) -> None:
        with pytest.raises(ExportError, match=r"does not keep the budget: it misses max_params by 0\.4%") as caught:
            export(graph, state, tmp_path / "two", budget=Budget.of(max_params=PARAMS - 1, max_macs=MACS))
        assert caught.value.help == "it has 246 parameters and 11,560 MACs; the budget is params <= 245, macs <= 11.56k"
        assert _nothing(tmp_path)

    def test_an_onnx_file_that_computes_something_else(
        self, graph: Graph, state: dict[str, torch.Tensor], tmp_path: Path
    ) -> None:
        other = {**state, "logits.bias": state["logits.bias"] + 0.01}
        with pytest.raises(ExportError, match=r"onnx computes something else .* differ by up to 0\.01"):
            export(graph, other, tmp_path / "deep" / "two")
        assert _nothing(tmp_path)

    def test_weights_on_the_disk_that_are_not_those_of_the_model(
        self, graph: Graph, state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = {**state, "a.conv.weight": state["a.conv.weight"] * 1.1}
        monkeypatch.setattr(bundles, "read_weights", lambda _: (other, graph.hash))
        with pytest.raises(ExportError, match="safetensors computes something else"):
            export(graph, state, tmp_path / "two")
        assert _nothing(tmp_path)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"logits.bias": None}, "there are no weights for `logits.bias`"),
            ({"c.weight": torch.zeros(1)}, "`c.weight` is no tensor of two"),
            ({"logits.bias": torch.zeros(3)}, "`logits.bias` has shape 10, its weights have 3"),
            ({"logits.bias": torch.full((10,), torch.nan)}, "the weights of `logits.bias` are not finite"),
        ],
        ids=["missing", "unknown", "shape", "nan"],
    )
    def test_weights_that_do_not_fit(
        self,
        graph: Graph,
        state: dict[str, torch.Tensor],
        tmp_path: Path,
        change: dict[str, torch.Tensor | None],
        message: str,
    ) -> None:
        changed = {key: value for key, value in {**state, **change}.items() if value is not None}
        with pytest.raises(ExportError) as caught:
            export(graph, changed, tmp_path / "two")
        assert caught.value.message == message
        assert _nothing(tmp_path)

    def test_a_bundle_in_its_place_unless_it_may_be_overwritten(
        self, graph: Graph, state: dict[str, torch.Tensor], tmp_path: Path
    ) -> None:
        export(graph, state, tmp_path / "two", metadata={"attempt": 1})
        with pytest.raises(ExportError, match="holds a bundle already"):
            export(graph, state, tmp_path / "two", metadata={"attempt": 2})
        assert json.loads((tmp_path / "two" / "manifest.json").read_text())["metadata"] == {"attempt": 1}
        export(graph, state, tmp_path / "two", metadata={"attempt": 3}, overwrite=True)
        assert json.loads((tmp_path / "two" / "manifest.json").read_text())["metadata"] == {"attempt": 3}
        assert [path.name for path in tmp_path.iterdir()] == ["two"]

    def test_a_folder_of_other_files_even_where_overwriting_is_allowed(
        self, graph: Graph, state: dict[str, torch.Tensor], tmp_path: Path
    ) -> None:
        (tmp_path / "thesis.tex").write_text("years of work")
        with pytest.raises(ExportError, match="is not empty and no bundle"):
            export(graph, state, tmp_path, overwrite=True)
        assert (tmp_path / "thesis.tex").read_text() == "years of work"

    def test_a_full_disk(
        self, graph: Graph, state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def write_to_full_disk(path: Path, content: bytes) -> None:
            if path.name == "manifest.json":
                raise OSError(errno.ENOSPC, "No space left on device")
            manifest.write_bytes(path, content)

        monkeypatch.setattr(bundles, "write_bytes", write_to_full_disk)
        with pytest.raises(ExportError, match="can't be written: no space left on device"):
            export(graph, state, tmp_path / "deep" / "two")
        assert _nothing(tmp_path)

    def test_an_interruption_while_the_old_bundle_stands(
        self, graph: Graph, state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = export(graph, state, tmp_path / "two").files

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(bundles, "_prove", interrupted)
        with pytest.raises(KeyboardInterrupt):
            export(graph, state, tmp_path / "two", metadata={"attempt": 2}, overwrite=True)
        assert [path.name for path in tmp_path.iterdir()] == ["two"]
        assert {path.name: manifest.digest(path) for path in (tmp_path / "two").iterdir()} == before


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


@pytest.fixture
def copy(written: bundles.Bundle, tmp_path: Path) -> Path:
    """A bundle to be damaged."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in written.path.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("name", sorted(FILES - {"manifest.json"}))
def test_a_tampered_file_is_refused(copy: Path, name: str) -> None:
    _flip(copy / name)
    with pytest.raises(ExportError, match=f"{name} was changed after the export"):
        load_bundle(copy)


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_refused(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(ExportError, match=f"has no (file `)?{name}"):
        load_bundle(copy)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "[" * 5000, '{"format": "fixpoint-bundle", "version": 1, "files": {}}'], ids=range(5)
)
def test_a_manifest_that_is_none_is_refused(copy: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text)
    with pytest.raises(ExportError, match="is damaged"):
        load_bundle(copy)


def _edit(folder: Path, **changes: object) -> None:
    said = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**said, **changes}))


def test_a_manifest_of_a_later_format_is_refused(copy: Path) -> None:
    _edit(copy, version=2)
    with pytest.raises(ExportError, match="is of format 2, known is 1"):
        load_bundle(copy)


def test_a_manifest_that_leads_out_of_its_folder_is_refused(copy: Path) -> None:
    (copy.parent / "secret").write_text("x")
    said = json.loads((copy / "manifest.json").read_text())
    _edit(copy, files={**said["files"], "../secret": manifest.digest(copy.parent / "secret")})
    with pytest.raises(ExportError, match=r"has no file `\.\./secret`"):
        load_bundle(copy)


def test_weights_of_another_network_are_refused_though_their_digest_is_right(copy: Path) -> None:
    from safetensors.torch import save_file

    state, _ = read_weights(copy / "model.safetensors")
    save_file(state, copy / "model.safetensors", metadata={"hash": "0" * 32})
    said = json.loads((copy / "manifest.json").read_text())
    _edit(copy, files={**said["files"], "model.safetensors": manifest.digest(copy / "model.safetensors")})
    with pytest.raises(ExportError, match="holds the weights of another network"):
        load_bundle(copy)


class TestParity:
    GRAPH = graphs.parse("{version: 1, name: id, input: {x: {vector: 2}}, net: [{name: r, relu: {}}], output: {y: r}}")

    @staticmethod
    def scaled(by: float, plus: float = 0.0) -> parity.Run:
        return lambda inputs: {"y": (inputs["x"] * 0 + 1000) * np.float32(by) + np.float32(plus)}

    @pytest.mark.parametrize(("plus", "ok"), [(0.0625, True), (0.125, False)])
    def test_the_tolerance_grows_with_the_values(self, plus: float, ok: bool) -> None:
        # 1e-4 of 1000 is 0.1
        assert parity.compare(self.GRAPH, self.scaled(1), self.scaled(1, plus)) == parity.Parity(plus, plus / 1000, ok)

    @pytest.mark.parametrize(("share", "ok"), [(2.0**-14, True), (2.0**-13, False)])
    def test_the_tolerance_shrinks_with_the_values(self, share: float, ok: bool) -> None:
        # outputs are 1000 * 1.024e-9 * (1 + share) of about 1e-6; 1e-4 lies between 2^-14 = 6.1e-5 and 2^-13 = 1.22e-4
        small, near = self.scaled(1.024e-9), self.scaled(1.024e-9 * (1 + share))
        found = parity.compare(self.GRAPH, small, near)
        assert found.ok is ok
        assert found.max_rel_diff == pytest.approx(share, rel=0.01)

    def test_outputs_of_zero_equal_zeros_alone(self) -> None:
        assert parity.compare(self.GRAPH, self.scaled(0), self.scaled(0)) == parity.Parity(0.0, 0.0, True)
        found = parity.compare(self.GRAPH, self.scaled(0), self.scaled(0, 2.0**-40))
        assert found == parity.Parity(2.0**-40, float("inf"), False)

    def test_not_a_number_is_never_equal(self) -> None:
        assert not parity.compare(self.GRAPH, self.scaled(1), self.scaled(float("nan"))).ok
        assert not parity.compare(self.GRAPH, self.scaled(float("nan")), self.scaled(float("nan"))).ok

    def test_other_names_or_shapes_are_not_equal(self) -> None:
        wide: parity.Run = lambda inputs: {"y": np.zeros((1, 3), dtype=np.float32)}  # noqa: E731
        renamed: parity.Run = lambda inputs: {"z": inputs["x"]}  # noqa: E731
        assert not parity.compare(self.GRAPH, self.scaled(0), wide).ok
        assert not parity.compare(self.GRAPH, self.scaled(0), renamed).ok
