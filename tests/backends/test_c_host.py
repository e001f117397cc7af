"""From a user's own data to the class, in C: raw bytes, numbers, quantised features, outputs and heads."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snncc import ir, sim
from snncc.backends.c.run import STRICT
from snncc.sim.encode import to_pixels
from snncc.verification import verify
from tests.backends.c_folder import compiled
from tests.networks import residual, with_bytes, with_intervals
from tests.support import examples

MAIN = """#include <stdio.h>
#include "net_host.h"
static {type} x[NET_PIXELS]; static net_pixel_t p[NET_PIXELS];
int main(void) {{
    while (fread(x, sizeof x, 1, stdin) == 1) {{
        const int status = net_quantise_{name}(x, NET_PIXELS, {more}p);
        if (status != NET_OK) return status;
        for (int i = 0; i < NET_PIXELS; i++) printf("%d ", (int)p[i]);
    }}
    return 0; }}"""

SOURCES: dict[str, dict[str, Any]] = {
    "unit": {},
    "centred": {"signed": True, "encoding": "current", "lambda_0": 0.7310585786300049},
    "normalised": {"gain": np.array([0.017, 0.0171, 0.0173]), "offset": np.array([-1.1, -2.3, 0.7]), "signed": True,
                   "encoding": "current", "lambda_0": 4.7, "bits": 12},
    "one gain": {"gain": np.array(1 / 3), "offset": np.array(0.1), "bits": 16, "lambda_0": 1.7},
}  # fmt: skip


def changed(**source: Any) -> ir.Network:
    network = residual()
    network = ir.replace(network, input=ir.replace(network.input, **source))
    return with_intervals(network)


def in_c(folder: Path, name: str, kind: str, values: np.ndarray, more: str = "", flags: tuple[str, ...] = ()) -> Any:
    """Pixels that the exported C makes of the values, or the status that it returned."""
    (folder / "q.c").write_text(MAIN.format(type=kind, name=name, more=more))
    subprocess.run(["gcc", *STRICT, *flags, "q.c", "net_host.c", "-o", "q", "-lm"], cwd=folder, check=True)
    done = subprocess.run([folder / "q"], input=values.tobytes(), capture_output=True)
    if done.returncode:
        return done.returncode
    return np.array([int(v) for v in done.stdout.split()]).reshape(values.shape)


def hard_values(source: ir.Input, images: int = 40) -> np.ndarray:
    """Model inputs near the ties of the quantiser, and far outside its range."""
    rng = np.random.default_rng(5)
    pixels = rng.integers(-source.levels - 3, source.levels + 3, (images, *source.shape)) + 0.5
    x = (pixels * (source.lambda_0 / source.levels) - source.offset) / source.gain
    near = np.nextafter(x, rng.choice([-np.inf, np.inf], x.shape))
    return np.where(rng.random(x.shape) < 0.5, x, near)


@pytest.mark.parametrize("name", list(SOURCES))
@pytest.mark.filterwarnings("ignore:.*input values are negative")
def test_numbers_become_the_simulators_pixels(tmp_path: Path, name: str) -> None:
    network = changed(**SOURCES[name])
    folder = compiled(network, tmp_path / "net") / "c"
    x = hard_values(network.input)
    for flags in ((), ("-O3", "-std=gnu99", "-mfma", "-ffp-contract=fast")):
        assert np.array_equal(in_c(folder, "double", "double", x, flags=flags), to_pixels(network.input, x))
        single = x.astype(np.float32)
        assert np.array_equal(in_c(folder, "float", "float", single, flags=flags), to_pixels(network.input, single))


@pytest.mark.parametrize(("name", "dtype"), [("int8", np.int8), ("int16", np.int16)])
@pytest.mark.filterwarnings("ignore:.*input values are negative")
def test_quantised_features(tmp_path: Path, name: str, dtype: Any) -> None:
    """x = scale*(feature - zero_point), as TensorFlow Lite stores features."""
    network = changed(**SOURCES["normalised"])
    folder = compiled(network, tmp_path / "net") / "c"
    limits = np.iinfo(dtype)
    q = np.random.default_rng(1).integers(limits.min, limits.max, (9, 8, 8, 3), endpoint=True).astype(dtype)
    scale = 400 / limits.max
    x = scale * (q.astype(np.float64) + 83)
    made = in_c(folder, name, f"{name}_t", q, f"{scale!r}, -83, ")
    assert np.array_equal(made, to_pixels(network.input, x)) and len(np.unique(made)) > 100


def test_a_number_that_is_none_gets_a_status(tmp_path: Path) -> None:
    folder = compiled(residual(), tmp_path / "net") / "c"
    for bad in (np.nan, np.inf, -np.inf):
        x = np.zeros((1, 8, 8, 3))
        x[0, 7, 7, 2] = bad
        assert in_c(folder, "double", "double", x) == 3


def checked_calls() -> dict[str, list[str]]:
    """Status -> calls of the API that return it: each pointer NULL alone, each size a little off, all right."""
    quantisers = [("", "uint8_t", ""), ("_int8", "int8_t", "1.0, 0, "), ("_int16", "int16_t", "1.0, 0, "),
                  ("_float", "float", ""), ("_double", "double", "")]  # fmt: skip
    null, size, right = [], [], []
    for name, kind, more in quantisers:
        call = f"net_quantise{name}(({kind} *)%s, %s, {more}%s)"
        null += [call % ("NULL", "NET_PIXELS", "p"), call % ("b", "NET_PIXELS", "NULL")]
        size += [call % ("b", n, "p") for n in ("NET_PIXELS - 1", "NET_PIXELS + 1", "0U")]
        right += [call % ("b", "NET_PIXELS", "p")]
    null += [f"net_infer({a}, 1U, {r})" for a, r in (("NULL, p", "&r"), ("&s, NULL", "&r"), ("&s, p", "NULL"))]
    sized = "net_infer_sized(%s, %s, %s, %s, 1U, %s)"
    n = "NET_PIXELS"
    null += [sized % ("NULL", "sizeof s", "p", n, "&r"), sized % ("&s", "sizeof s", "NULL", n, "&r"),
             sized % ("&s", "sizeof s", "p", n, "NULL")]  # fmt: skip
    size += [sized % ("&s", "sizeof s - 1U", "p", n, "&r"), sized % ("u + 1", "sizeof s", "p", n, "&r"),
             *(sized % ("&s", "sizeof s", "p", f"{n} {off}", "&r") for off in ("- 1", "+ 1"))]  # fmt: skip
    right += [sized % ("u + 8", "sizeof s", "p", n, "&r"), sized % ("&s", "sizeof s + 1U", "p", n, "&r")]
    null += ["net_dequantise(NULL, 1U, o)", "net_dequantise(&r, 1U, NULL)", "net_head(NULL)"]
    right += ["net_dequantise(&r, 1U, o)", "net_head(o)"]
    return {"NET_ERROR_NULL": null, "NET_ERROR_SIZE": size, "NET_OK": right}


def test_every_pointer_and_every_size_is_checked(tmp_path: Path) -> None:
    folder = compiled(with_bytes(residual()), tmp_path / "net") / "c"
    lines = [f'if ({call} != {status}) {{ puts("{status}: {call}"); bad = 1; }}'
             for status, calls in checked_calls().items() for call in calls]  # fmt: skip
    (folder / "n.c").write_text(
        '#include <stdio.h>\n#include "net_host.h"\n'
        "static net_state_t s; static int64_t aligned[NET_STATE_BYTES / 8 + 3];\n"
        "static double b[NET_PIXELS + 1]; static net_pixel_t p[NET_PIXELS + 1]; static net_result_t r;\n"
        "static float o[NET_OUTPUTS];\nint main(void) { char *u = (char *)aligned; int bad = 0;\n"
        + "\n".join(lines)
        + "\nreturn bad; }\n"
    )
    sources = ["n.c", "net.c", "net_host.c", "net_quantise.c"]
    subprocess.run(["gcc", "-O1", *sources, "-o", "n", "-lm"], cwd=folder, check=True)
    done = subprocess.run([folder / "n"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("readout", ["potential", "spikes"])
def test_scales_and_zero_points_say_what_the_functions_do(tmp_path: Path, readout: Any) -> None:
    """x = scale*(pixel - zero_point) within half a step; an output is scale(T)*(value - zero_point), to a float."""
    network = changed(**SOURCES["one gain"])
    last = network.output
    if readout == "spikes":
        last = ir.replace(last, theta=np.array(4000), lambda_=np.array(1.7))
    network = ir.replace(network, readout=readout, output_scale=1.25, populations=(*network.populations[:-1], last))
    network = with_intervals(network)
    folder = compiled(network, tmp_path / "net") / "c"
    (folder / "m.c").write_text(
        '#include <stdio.h>\n#include "net_host.h"\nint main(void) { printf("%.17g %d %.17g %.17g %.17g %d", '
        "NET_INPUT_SCALE, NET_INPUT_ZERO_POINT, NET_INPUT_GAIN, NET_INPUT_OFFSET, NET_OUTPUT_SCALE(5), "
        "NET_OUTPUT_ZERO_POINT); return 0; }"
    )
    subprocess.run(["gcc", *STRICT, "m.c", "-o", "m"], cwd=folder, check=True)
    said = subprocess.run([folder / "m"], capture_output=True, check=True).stdout.split()
    scale, zero, gain, offset, output_scale, output_zero = (float(v) for v in said)
    x = np.linspace(-0.3, 4.6, 1500).reshape(-1, 1, 1, 1) * np.ones((1, 8, 8, 3))  # 0..1.63 after gain and offset
    error = x * gain + offset - scale * (to_pixels(network.input, x) - zero)
    assert np.abs(error).max() <= scale * (0.5 + 1e-9) and scale == 1.7 / 65535 and (gain, offset) == (1 / 3, 0.1)
    result = sim.run(network, to_pixels(network.input, x[::500]), 5)
    assert np.allclose(output_scale * (result.values - output_zero), result.outputs, rtol=1e-15, atol=0)


@pytest.mark.parametrize("head", ["linear", "softmax", "sigmoid", "relu"])
@pytest.mark.parametrize("readout", ["potential", "spikes"])
def test_outputs_and_heads(tmp_path: Path, head: Any, readout: Any) -> None:
    """`outputs` are the simulator's, rounded to float once; heads are those of their definition."""
    network = residual()
    last = network.output
    if readout == "spikes":
        last = ir.replace(last, theta=np.array(4000), lambda_=np.array(1.7))
    network = ir.replace(
        network, head=head, readout=readout, output_scale=123.456789, populations=(*network.populations[:-1], last)
    )
    network = with_intervals(network)
    folder = compiled(network, tmp_path / "net") / "c"
    pixels = np.random.default_rng(2).integers(0, 255, (1, 8, 8, 3), endpoint=True)
    (folder / "o.c").write_text(
        '#include <math.h>\n#include <stdio.h>\n#include "net_host.h"\n'
        "static net_state_t s; static net_pixel_t p[NET_PIXELS]; static float o[NET_OUTPUTS];\n"
        "int main(void) { net_result_t r; if (fread(p, sizeof p, 1, stdin) != 1) return 9;"
        "if (net_infer(&s, p, 7, &r) || net_dequantise(&r, 7, o)) return 8;"
        "fwrite(o, sizeof o, 1, stdout); for (int i = 0; i < NET_OUTPUTS; i++)"
        "if (fabs(NET_OUTPUT_SCALE(7) * (r.values[i] - NET_OUTPUT_ZERO_POINT) - o[i]) > 1e-4) return 7;"
        "if (net_head(o)) return 6; fwrite(o, sizeof o, 1, stdout);"
        "return net_dequantise(&r, 0, o) == NET_ERROR_TIMESTEPS && net_head(NULL) == NET_ERROR_NULL ? 0 : 5; }"
    )
    subprocess.run(["gcc", *STRICT, "o.c", "net.c", "net_host.c", "-o", "o", "-lm"], cwd=folder, check=True)
    done = subprocess.run([folder / "o"], input=pixels.astype(np.uint8).tobytes(), capture_output=True, check=True)
    outputs, after = np.frombuffer(done.stdout, np.float32).reshape(2, -1)
    expected = sim.run(network, pixels, 7).outputs[0]
    assert np.array_equal(outputs, expected.astype(np.float32))
    e = np.exp(expected - expected.max())
    heads = {"linear": expected, "softmax": e / e.sum(), "sigmoid": 1 / (1 + np.exp(-expected)),
             "relu": np.maximum(expected, 0)}  # fmt: skip
    assert np.allclose(after, heads[head], rtol=1e-5, atol=1e-7)


@examples(12)
@given(seed=st.integers(0, 2**20), dynamics=st.sampled_from(["count", "step"]))
def test_from_bytes_to_the_class(tmp_path_factory: pytest.TempPathFactory, seed: int, dynamics: Any) -> None:
    network = with_bytes(residual(dynamics=dynamics))
    folder = compiled(network, tmp_path_factory.mktemp("c") / "net")
    data = np.random.default_rng(seed).integers(0, 255, (3, 8, 8, 3), endpoint=True).astype(np.uint8)
    report = verify(folder, data=data, targets=["c-host"], variants=["gcc -O0"], strict=True)
    assert report.ok, report.rows()
    pixels = np.rint(data / 255 * 255).astype(np.int64)  # by hand: bytes over 255, 255 levels up to 1
    assert verify(folder, pixels=pixels, targets=["c-host"], variants=["gcc -O0"], strict=True).ok


FAULTS = {
    "an entry of the table": ("net_quantise.c", "bytes[i]", "(bytes[i] ^ 1U)", "the pixel from bytes"),
    "the scale": ("net_host.c", "prepared = x;", "prepared = x * 1.001;", "the pixel from features"),
    "rounding": ("net_host.c", "rint(exact)", "floor(exact + 0.49)", "the pixel from features"),
    "the channel order": ("net_quantise.c", "bytes[i]", "bytes[count - 1U - i]", "the pixel from bytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(FAULTS))
def test_verify_notices_a_wrong_quantiser(tmp_path: Path, name: str) -> None:
    folder = compiled(with_bytes(residual()), tmp_path / "net")
    file, old, new, said = FAULTS[name]
    path = folder / "c" / file
    before = path.read_text()
    path.write_text(before.replace(old, new))
    assert path.read_text() != before
    report = verify(folder, targets=["c-host"], variants=["gcc -O0"], strict=True)
    (outcome,) = report.outcomes
    assert not report.ok and said in str(outcome.first_mismatch) and "of the input" in str(outcome.first_mismatch)


@pytest.mark.parametrize("target", ["c-cortex-m4", "c-rv32"])
def test_boards_begin_at_the_users_data_too(tmp_path: Path, target: str) -> None:
    network = with_bytes(residual())
    folder = compiled(network, tmp_path / "net")
    x = np.random.default_rng(8).random((2, 8, 8, 3))
    assert verify(folder, x=x, targets=[target], variants=["-Os"], strict=True).ok
    path = folder / "c" / "net_host.c"
    path.write_text(path.read_text().replace("rint(exact)", "rint(exact) + 1.0"))
    assert not verify(folder, x=x, targets=[target], variants=["-Os"], strict=True).ok


def test_without_known_bytes_there_is_no_quantiser_of_bytes(tmp_path: Path) -> None:
    folder = compiled(residual(), tmp_path / "net") / "c"
    assert not (folder / "net_quantise.c").exists()
    assert "net_quantise(" not in (folder / "net.h").read_text()
    readme = (folder / "README.md").read_text()
    assert "is not known, so there is no quantiser of bytes" in readme and "net_quantise_float(features" in readme
    subprocess.run(["make", "test", "CFLAGS=-O1"], cwd=folder, check=True, capture_output=True)
